// SPDX-License-Identifier: Apache-2.0

/** What a kernel's BTF shall say, as C declares it: `int f(struct file *file, unsigned int flags)`. */
export type BtfContent = {
  readonly functions?: readonly string[];
  /** TP_PROTO without the data pointer: `sched_switch(bool preempt, struct task_struct *prev)`. */
  readonly rawTracepoints?: readonly string[];
  /**
   * Members of structs by their name: `int pid`, `char comm[16]`, `unsigned int secure:1`. Those of a
   * `struct inner` without a name are members, too.
   */
  readonly structs?: Readonly<Record<string, readonly string[]>>;
};

/** The bytes of a small BTF, for tests. Other structs are only declared; unknown words are typedefs of int. */
export function buildBtf({
  functions = [],
  rawTracepoints = [],
  structs = {},
}: BtfContent): Buffer {
  const writer = new BtfWriter();
  writer.structs(structs);
  for (const declaration of functions) {
    const [, result = "", name = "", list = ""] = /^(.*?)(\w+)\((.*)\)$/.exec(declaration) ?? [];
    writer.add(kinds.func, name, writer.prototype(result.trim(), parametersOf(list)));
  }
  for (const declaration of rawTracepoints) {
    const [, name = "", list = ""] = /^(\w+)\((.*)\)$/.exec(declaration) ?? [];
    const data = { name: "__data", type: "void *" };
    const prototype = writer.prototype("void", [data, ...parametersOf(list)]);
    writer.add(kinds.typedef, `btf_trace_${name}`, writer.add(kinds.ptr, "", prototype));
  }
  return writer.bytes();
}

/** BTF_KIND_… of include/uapi/linux/btf.h. */
export const kinds = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  fwd: 7,
  typedef: 8,
  const: 10,
  func: 12,
  func_proto: 13,
} as const;

type Parameter = { readonly name: string; readonly type: string };

const intSizes: Readonly<Record<string, number>> = {
  char: 1,
  short: 2,
  int: 4,
  "unsigned int": 4,
  long: 8,
  "unsigned long": 8,
  bool: 1,
};

/** Writes types one behind the other; for broken ones, too: nothing is checked. */
export class BtfWriter {
  readonly #types: number[] = [];
  readonly #known = new Map<string, number>();
  #strings = "\0";
  #count = 0;

  /** The id of a new type of three words, and those that follow. */
  add(kind: number, name: string, word: number, more: readonly number[] = [], parts = 0): number {
    this.#types.push(this.#string(name), (kind << 24) | parts, word, ...more);
    return ++this.#count;
  }

  prototype(result: string, parameters: readonly Parameter[]): number {
    const words = parameters.flatMap(({ name, type }) => [this.#string(name), this.type(type)]);
    return this.add(kinds.func_proto, "", this.type(result), words, parameters.length);
  }

  /** Defines structs that may refer to each other. */
  structs(all: NonNullable<BtfContent["structs"]>): void {
    const open = Object.entries(all).map(([name, members]) => {
      const at = this.#types.length;
      const words = new Array(3 * members.length).fill(0);
      this.#known.set(`struct ${name}`, this.add(kinds.struct, name, 0, words, members.length));
      return { name, members, at };
    });
    const sizes = new Map<string, number>();
    for (const { name, members, at } of open) {
      let end = 0;
      for (const [i, text] of members.entries()) {
        const member = readMember(text);
        const [bytes, bits] = this.#sizeOf(member, sizes);
        const alignment = member.bits === undefined ? Math.min(8, bytes) * 8 : 1;
        const start = Math.ceil(end / alignment) * alignment;
        const offset = member.bits === undefined ? start : (member.bits << 24) | start;
        this.#types.splice(
          at + 3 + 3 * i,
          3,
          this.#string(member.name),
          this.#typeOf(member),
          offset,
        );
        end = start + bits * (member.count ?? 1);
      }
      // With a bit field, offsets of all members have its size in their upper byte.
      const flag = members.some((text) => text.includes(":")) ? 1 << 31 : 0;
      this.#types[at + 1] = (this.#types[at + 1] as number) | flag;
      this.#types[at + 2] = Math.ceil(end / 64) * 8;
      sizes.set(name, Math.ceil(end / 64) * 8);
    }
  }

  #typeOf({ type, count }: Member): number {
    const id = this.type(type);
    return count === undefined ? id : this.add(kinds.array, "", 0, [id, this.type("int"), count]);
  }

  /** Bytes of the type, and bits that a member takes. */
  #sizeOf({ type, bits }: Member, structs: ReadonlyMap<string, number>): [number, number] {
    const struct = structs.get(type.replace("struct ", ""));
    const bytes = type.endsWith("*") ? 8 : (struct ?? intSizes[type] ?? 4);
    return [bytes, bits ?? bytes * 8];
  }

  /** The id of a type by its C text. */
  type(text: string): number {
    if (text === "void" || text === "") return 0;
    const id = this.#known.get(text) ?? this.#newType(text);
    this.#known.set(text, id);
    return id;
  }

  bytes(): Buffer {
    const strings = Buffer.from(this.#strings, "latin1");
    const types = Buffer.from(Uint32Array.from(this.#types).buffer);
    const header = Buffer.alloc(24);
    header.writeUInt16LE(0xeb9f, 0);
    header.writeUInt8(1, 2);
    for (const [at, value] of [24, 0, types.length, types.length, strings.length].entries())
      header.writeUInt32LE(value, 4 + 4 * at);
    return Buffer.concat([header, types, strings]);
  }

  #newType(text: string): number {
    if (text.endsWith("*")) return this.add(kinds.ptr, "", this.type(text.slice(0, -1).trim()));
    if (text.startsWith("const "))
      return this.add(kinds.const, "", this.type(text.slice("const ".length)));
    if (text.startsWith("struct ")) return this.add(kinds.fwd, text.slice("struct ".length), 0);
    const size = intSizes[text];
    if (size === undefined) return this.add(kinds.typedef, text, this.type("int"));
    const signed = text === "char" || text.startsWith("unsigned") || text === "bool" ? 0 : 1 << 24;
    return this.add(kinds.int, text, size, [signed | (size * 8)]);
  }

  #string(text: string): number {
    if (text === "") return 0;
    const at = this.#strings.length;
    this.#strings += `${text}\0`;
    return at;
  }
}

type Member = {
  readonly type: string;
  readonly name: string;
  readonly count?: number | undefined;
  readonly bits?: number | undefined;
};

function readMember(text: string): Member {
  if (/^struct \w+$/.test(text)) return { type: text, name: "" };
  const [, type = "", name = "", count, bits] =
    /^(.*?)(\w+)(?:\[(\d+)\])?(?::(\d+))?$/.exec(text) ?? [];
  const number = (digits: string | undefined) =>
    digits === undefined ? undefined : Number(digits);
  return { type: type.trim(), name, count: number(count), bits: number(bits) };
}

function parametersOf(list: string): Parameter[] {
  if (list === "" || list === "void") return [];
  return list.split(",").map((item) => {
    const [, type = "", name = ""] = /^(.*?)(\w+)$/.exec(item.trim()) ?? [];
    return { type: type.trim(), name };
  });
}
