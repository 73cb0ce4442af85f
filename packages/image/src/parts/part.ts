// SPDX-License-Identifier: Apache-2.0

/** Something made by others that an image contains. */
export interface Part {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression; for other texts `LicenseRef-…`. */
  readonly license: string;
  /** Package URL (github.com/package-url/purl-spec). */
  readonly purl: string;
  /** For vulnerability databases that know no package URLs: Common Platform Enumeration 2.3. */
  readonly cpe?: string;
  /** SHA-256 in hexadecimal digits, of what is one file. */
  readonly sha256?: string;
  /** Files with the texts of its licences, if the image has them nowhere else. */
  readonly licenseFiles: readonly string[];
  /** What is linked into it, with versions as it says itself. */
  readonly contains?: Readonly<Record<string, string>>;
}
