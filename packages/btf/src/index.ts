// SPDX-License-Identifier: Apache-2.0
export { type Btf, parseBtf, releaseBtf } from "./btf.ts";
export { BtfError, type BtfErrorCode } from "./btf-error.ts";
export type { BtfKind } from "./btf-kinds.ts";
export {
  type BtfField,
  type FunctionPrototype,
  fieldAt,
  fieldsOfType,
  functionPrototype,
  resolveType,
  sizeOfType,
  tracepointPrototype,
} from "./btf-layout.ts";
export {
  type BtfMember,
  type BtfType,
  findType,
  findTypes,
  namesOfKind,
  typeById,
  typeOfKind,
} from "./btf-type.ts";
export {
  type BrokenPath,
  type FollowedPath,
  followPath,
  type PathRoot,
  type PathValue,
} from "./follow-path.ts";
export { typeToString } from "./type-to-string.ts";
