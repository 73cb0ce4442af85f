// SPDX-License-Identifier: Apache-2.0
import { BpfError, type BpfObject, HeldFile, loadObject, type ObjectSpec } from "@gander/libbpf";
import type { FileIdentity } from "../link/file-identity.ts";
import type { FindFile } from "../link/host-files.ts";
import { createStructLayouts, fieldOf } from "./tables/struct-layouts.ts";

export type FileFinder = Disposable & { readonly find: FindFile };

/** The root of the host, even for a sensor in a container. */
const hostRoot = "/proc/1/root";
/** How long a file system may take to answer. */
const patienceMs = 2_000;

/** Finds files of the host. Loads its program on first use. */
export function createFileFinder(spec: ObjectSpec): FileFinder {
  let object: BpfObject | undefined;
  const waiting = new Map<string, Promise<HeldFile>>();
  const unanswered = { reason: "its file system does not answer", unanswered: true };

  /** At most one thread waits for a path. */
  const hold = (path: string): Promise<HeldFile> => {
    const held = HeldFile.hold(hostRoot, path);
    waiting.set(path, held);
    const done = () => void waiting.delete(path);
    held.then(done, done);
    return held;
  };
  const identify = (file: HeldFile): FileIdentity => {
    object ??= loadObject(spec);
    return runIdentify(object, spec, file.number);
  };
  return {
    async find(path) {
      if (waiting.has(path)) return unanswered;
      try {
        const pending = hold(path);
        const file = await inTime(pending);
        if (file === undefined) {
          pending.then((late) => late.close()).catch(() => {});
          return unanswered;
        }
        try {
          return { identity: identify(file), release: () => file[Symbol.dispose]() };
        } catch (error) {
          file.close();
          throw error;
        }
      } catch (error) {
        return { reason: reasonOf(error), unanswered: false };
      }
    },
    [Symbol.dispose]() {
      object?.close();
      object = undefined;
    },
  };
}

async function inTime<T>(wanted: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, patienceMs, undefined);
  try {
    return await Promise.race([wanted, promise]);
  } finally {
    clearTimeout(timer);
  }
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

function reasonOf(error: unknown): string {
  if (!(error instanceof BpfError)) return String(error);
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return "there is no such file";
  return error.code === "EINVAL" ? "it is not a regular file" : error.message;
}
