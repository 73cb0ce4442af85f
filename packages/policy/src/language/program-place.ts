// SPDX-License-Identifier: Apache-2.0

/** A place in a program or library, as a policy names it. */
export type ProgramPlace = {
  /** address: as the program is linked; offset: in the file; probe: a static one that the file describes. */
  readonly by: "symbol" | "address" | "offset" | "probe";
  /** A symbol, the number in hexadecimal, or `PROVIDER:NAME`. */
  readonly name: string;
  /** Bytes behind the beginning of the symbol. */
  readonly plus: number;
  /** Instead of the place: an instruction behind it that returns. */
  readonly returns?: true;
};

/** E.g. `readline`, `readline+0x10`, `0x41f0`. */
export function placeText({ name, plus }: ProgramPlace): string {
  return plus === 0 ? name : `${name}+${hexText(plus)}`;
}

export const hexText = (number: number): string => `0x${number.toString(16)}`;

/** The kinds of digests of a file, with the number of hexadecimal digits; a build-id has some. */
export const digestDigits = {
  sha1: 40,
  sha256: 64,
  sha384: 96,
  sha512: 128,
  "build-id": undefined,
} as const;
export type DigestAlgorithm = keyof typeof digestDigits;

type Named = {
  readonly target: string;
  readonly program?: {
    readonly path: string;
    readonly by: ProgramPlace["by"];
    readonly digests?: readonly string[];
  };
};

/** What a hook on a program hooks. */
export type WantedFunction = ProgramPlace & {
  readonly path: string;
  /** `ALGORITHM:HEX`, one of which the file must have; empty: any file. */
  readonly digests: readonly string[];
};

/** Undefined for hooks of other kinds. */
export function programPlaceOf({ target, program }: Named): WantedFunction | undefined {
  if (program === undefined) return undefined;
  const { path, by, digests = [] } = program;
  const [name = "", plus = "0"] = target.slice(path.length + 1).split("+");
  return { path, by, name, plus: Number(plus), digests };
}

type Overriding = { readonly error?: number; readonly place?: Omit<ProgramPlace, "returns"> };

/** Where a call goes on that an Override stops at this place; undefined: it says so itself, by registers. */
export function overriddenPlace<Place extends ProgramPlace>(
  { error, place }: Overriding,
  hooked: Place,
): Place | undefined {
  if (error !== undefined) return { ...hooked, returns: true };
  return place && { ...hooked, ...place };
}

/** The algorithms that these digests name. */
export const algorithmsOf = (digests: readonly string[]): readonly DigestAlgorithm[] => [
  ...new Set(digests.map((digest) => digest.split(":", 1)[0] as DigestAlgorithm)),
];
