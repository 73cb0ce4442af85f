// SPDX-License-Identifier: Apache-2.0
import { type BpfObject, type HeldFile, loadObject, type ObjectSpec } from "@gander/libbpf";
import type { FileIdentity } from "../link/file-identity.ts";
import type { FindFile } from "../link/host-files.ts";
import { createFileHolder, hostRoot, unanswered, whyNotHeld } from "./file-holder.ts";
import { createStructLayouts, fieldOf } from "./tables/struct-layouts.ts";

export type FileFinder = Disposable & { readonly find: FindFile };

/** Finds files of the host; a user's link leads to his own files only. Loads its program on first use. */
export function createFileFinder(spec: ObjectSpec): FileFinder {
  let object: BpfObject | undefined;
  const holder = createFileHolder(hostRoot, { links: "own" });
  const identify = (file: HeldFile): FileIdentity => {
    object ??= loadObject(spec);
    return runIdentify(object, spec, file.number);
  };
  return {
    async find(path) {
      try {
        const file = await holder.hold(path);
        if (file === undefined) return { reason: unanswered, unanswered: true };
        try {
          return { identity: identify(file), release: () => file[Symbol.dispose]() };
        } catch (error) {
          file.close();
          throw error;
        }
      } catch (error) {
        return { reason: whyNotHeld(error), unanswered: false };
      }
    },
    [Symbol.dispose]() {
      object?.close();
      object = undefined;
    },
  };
}

/** The program identifies the file of this thread's descriptor and answers in the memory it is given. */
function runIdentify(object: BpfObject, { btf }: ObjectSpec, descriptor: number): FileIdentity {
  if (btf === undefined) throw new Error("file.bpf.o has no BTF");
  const layouts = createStructLayouts(btf);
  const query = layouts("file_query");
  const context = new Uint8Array(query.size);
  const view = new DataView(context.buffer);
  view.setBigUint64(fieldOf(query, "descriptor").offset, BigInt(descriptor), true);
  const { returnValue } = object.program("file__identify").testRun({ context });
  if (returnValue !== 0) throw new Error("the kernel does not know its descriptor");
  const first = fieldOf(query, "file").offset;
  const at = (field: string) => first + fieldOf(layouts("file_identity"), field).offset;
  return {
    inode: view.getBigUint64(at("inode"), true),
    device: view.getUint32(at("device"), true),
    generation: view.getUint32(at("generation"), true),
  };
}
