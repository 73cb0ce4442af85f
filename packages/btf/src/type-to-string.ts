// SPDX-License-Identifier: Apache-2.0
import type { Btf } from "./btf.ts";
import { typeError } from "./btf-error.ts";
import { type BtfType, typeById } from "./btf-type.ts";

/**
 * The type as C writes it, without a name: "const struct path *", "char[16]". Throws BtfError "TYPE"
 * where it is longer than anything that C code says: in broken data types may contain themselves.
 */
export function typeToString(btf: Btf, id: number): string {
  return new TypeText(btf, id).of(id, maxDepth);
}

const maxDepth = 64;

/** Types that one text names. A depth alone is no bound: a function may take many functions that take many. */
const maxParts = 1000;

class TypeText {
  readonly #btf: Btf;
  readonly #id: number;
  #parts = 0;

  constructor(btf: Btf, id: number) {
    this.#btf = btf;
    this.#id = id;
  }

  of(id: number, depth: number): string {
    if (depth === 0 || ++this.#parts > maxParts)
      throw typeError(`BTF type ${this.#id} refers to itself.`);
    const type = typeById(this.#btf, id);
    switch (type.kind) {
      case "ptr":
        return this.#pointer(type.typeId, depth - 1);
      case "array":
        return `${this.of(type.elementTypeId, depth - 1)}[${type.length}]`;
      case "const":
      case "volatile":
      case "restrict":
        return qualified(type.kind, this.of(type.typeId, depth - 1));
      case "type_tag":
        return this.of(type.typeId, depth - 1);
      case "struct":
      case "union":
        return `${type.kind} ${type.name || "{…}"}`;
      case "enum":
      case "enum64":
        return `enum ${type.name || "{…}"}`;
      case "fwd":
        return `${type.isUnion ? "union" : "struct"} ${type.name}`;
      case "func_proto":
        return this.#function(type, "", depth - 1);
      default:
        return type.kind === "void" ? "void" : type.name;
    }
  }

  #pointer(id: number, depth: number): string {
    const target = typeById(this.#btf, id);
    if (target.kind === "func_proto") return this.#function(target, "(*)", depth);
    const text = this.of(id, depth);
    return text.endsWith("*") ? `${text}*` : `${text} *`;
  }

  #function(
    { returnTypeId, parameters }: Extract<BtfType, { kind: "func_proto" }>,
    name: string,
    depth: number,
  ): string {
    // Reading a type reads all its parameters, however few of them are named then.
    this.#parts += parameters.length;
    const list = parameters.map(({ name: parameter, typeId }) =>
      typeId === 0 && parameter === "" ? "…" : this.of(typeId, depth),
    );
    return `${this.of(returnTypeId, depth)} ${name}(${list.join(", ") || "void"})`;
  }
}

/** A qualifier of a pointer stands behind it, of anything else before it. */
function qualified(qualifier: string, target: string): string {
  return target.endsWith("*") ? `${target} ${qualifier}` : `${qualifier} ${target}`;
}
