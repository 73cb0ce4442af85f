// SPDX-License-Identifier: Apache-2.0
import type { Btf } from "./btf.ts";
import { fieldsOfType, resolveType, sizeOfType } from "./btf-layout.ts";
import { type BtfType, findType, typeById } from "./btf-type.ts";
import { firstStructures } from "./first-structures.ts";
import { typeToString } from "./type-to-string.ts";

/**
 * How to find a value from an address: for each of `dereferences` add it and read a pointer there; then
 * add `offset`, where the value lies.
 */
export type FollowedPath = {
  readonly dereferences: readonly number[];
  readonly offset: number;
  /** As C writes it. */
  readonly type: string;
  readonly value: PathValue;
};

/** What lies at the end of a path. */
export type PathValue =
  | {
      readonly kind: "integer";
      /** Bytes to read; of a bit field those that contain it. */
      readonly size: 1 | 2 | 4 | 8;
      readonly signed: boolean;
      readonly bits: number;
      /** Position of its lowest bit in these bytes. */
      readonly shift: number;
    }
  | { readonly kind: "pointer" }
  | { readonly kind: "array"; readonly size: number; readonly elementSize: number }
  | {
      readonly kind: "structure";
      /** Names of the structures that begin where it does, its own first. */
      readonly begins: readonly string[];
    }
  | { readonly kind: "other" };

/** Why a path ends early. */
export type BrokenPath = {
  /** The part of the path that can't be followed; "" for its end. */
  readonly step: string;
  /** What it was looked for in, as C writes it. */
  readonly type: string;
  readonly reason:
    | "no-member"
    | "beyond-array"
    | "not-a-structure"
    | "not-an-array"
    | "declared-only"
    | "bit-field";
  /** no-member: those that there are. */
  readonly members: readonly string[];
};

/** Where a path begins: at a value of that type, such as a function's argument, or at a structure. */
export type PathRoot = { readonly value: number } | { readonly structure: number };

/**
 * Follows "mm.owner.comm", "f_path.dentry", "[1].val" through structures, arrays and pointers. Members of
 * anonymous structures are found as if they were direct ones. A pointer is followed where the path
 * continues behind it; a value that is a pointer is the address that the path begins with.
 */
export function followPath(btf: Btf, root: PathRoot, path: string): FollowedPath | BrokenPath {
  const place = new Place(btf, root);
  for (const step of path.split(/\.|(?=\[)/).filter((one) => one !== "")) {
    const index = /^\[(\d+)\]$/.exec(step)?.[1];
    const broken = index === undefined ? place.member(step) : place.element(Number(index), step);
    if (broken !== undefined) return broken;
  }
  return place.end();
}

class Place {
  readonly #btf: Btf;
  readonly #dereferences: number[] = [];
  #offset = 0;
  #typeId: number;
  /** The value is in hand, not at an address: only a pointer can be followed. */
  #inHand: boolean;
  #bitField: { readonly offset: number; readonly size: number } | undefined;

  constructor(btf: Btf, root: PathRoot) {
    this.#btf = btf;
    this.#inHand = "value" in root;
    this.#typeId = "value" in root ? root.value : root.structure;
  }

  member(name: string): BrokenPath | undefined {
    this.#followPointer();
    const structure = this.#structure();
    if (structure === undefined) return this.#broken(name, this.#reason("not-a-structure"));
    const fields = fieldsOfType(this.#btf, structure.id);
    const found = fields.find(({ path }) => path === name);
    if (found === undefined) {
      const members = fields.map((field) => field.path);
      return { ...this.#broken(name, "no-member"), members };
    }
    this.#typeId = found.typeId;
    if (found.bitSize === 0) {
      this.#offset += found.offset;
      return undefined;
    }
    const unit = found.size * 8;
    const start = Math.floor(found.bitOffset / unit) * unit;
    this.#offset += start / 8;
    this.#bitField = { offset: found.bitOffset - start, size: found.bitSize };
    return undefined;
  }

  element(index: number, step: string): BrokenPath | undefined {
    const type = resolveType(this.#btf, this.#typeId);
    if (type.kind === "ptr") {
      this.#followPointer();
      const size = this.#targetSize();
      if (size === 0) return this.#broken(step, this.#reason("not-an-array"));
      this.#offset += index * size;
      return undefined;
    }
    if (type.kind !== "array" || this.#inHand) return this.#broken(step, "not-an-array");
    // The last member of a structure may have any length.
    if (index >= type.length && type.length > 0) return this.#broken(step, "beyond-array");
    this.#typeId = type.elementTypeId;
    this.#offset += index * this.#targetSize();
    return undefined;
  }

  end(): FollowedPath | BrokenPath {
    const bitField = this.#bitField;
    const size = this.#targetSize();
    if (bitField !== undefined && (bitField.offset + bitField.size > size * 8 || size > 8))
      return this.#broken("", "bit-field");
    return {
      dereferences: this.#dereferences,
      offset: this.#offset,
      type: typeToString(this.#btf, this.#typeId),
      value: this.#value(size),
    };
  }

  #value(size: number): PathValue {
    const type = resolveType(this.#btf, this.#typeId);
    switch (type.kind) {
      case "int":
      case "enum":
      case "enum64": {
        if (size !== 1 && size !== 2 && size !== 4 && size !== 8) return { kind: "other" };
        const { offset: shift = 0, size: bits = size * 8 } = this.#bitField ?? {};
        return { kind: "integer", size, signed: type.signed, bits, shift };
      }
      case "ptr":
        return { kind: "pointer" };
      case "array":
        return { kind: "array", size, elementSize: sizeOfType(this.#btf, type.elementTypeId) };
      case "struct":
      case "union":
        return { kind: "structure", begins: firstStructures(this.#btf, type.id) };
      default:
        return { kind: "other" };
    }
  }

  #followPointer(): void {
    const type = resolveType(this.#btf, this.#typeId);
    if (type.kind !== "ptr") return;
    if (!this.#inHand) {
      this.#dereferences.push(this.#offset);
      this.#offset = 0;
    }
    this.#inHand = false;
    this.#typeId = type.typeId;
  }

  /** A structure that is only declared here may be defined elsewhere. */
  #structure(): BtfType | undefined {
    if (this.#inHand || this.#bitField !== undefined) return undefined;
    const type = resolveType(this.#btf, this.#typeId);
    if (type.kind === "struct" || type.kind === "union") return type;
    if (type.kind !== "fwd") return undefined;
    for (let btf: Btf | undefined = this.#btf; btf !== undefined; btf = btf.base) {
      const id = findType(btf, type.isUnion ? "union" : "struct", type.name);
      if (id !== undefined) return typeById(btf, id);
    }
    return undefined;
  }

  #targetSize(): number {
    const structure = this.#structure();
    return sizeOfType(this.#btf, structure?.id ?? this.#typeId);
  }

  /** What else is wrong with a type that is only declared, is that. */
  #reason(other: BrokenPath["reason"]): BrokenPath["reason"] {
    return resolveType(this.#btf, this.#typeId).kind === "fwd" ? "declared-only" : other;
  }

  #broken(step: string, reason: BrokenPath["reason"]): BrokenPath {
    return { step, type: typeToString(this.#btf, this.#typeId), reason, members: [] };
  }
}
