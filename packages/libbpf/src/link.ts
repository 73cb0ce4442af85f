// SPDX-License-Identifier: Apache-2.0
import { check, checked, type Descriptor, Handle } from "./handle.ts";
import { type AttachType, attachTypes, type LinkType, linkTypes, nameOf } from "./kernel-names.ts";
import { type NativeFd, type NativeLinkInfo, native } from "./native.ts";
import { pinTo } from "./pin.ts";

export interface LinkInfo extends Omit<NativeLinkInfo, "type" | "attachType" | "id" | "programId"> {
  readonly id: number;
  readonly type: LinkType | `#${number}`;
  readonly programId: number;
  readonly attachType?: AttachType | `#${number}`;
}

/** Open links are never collected: a forgotten one stays attached, as with a leaked descriptor in C. */
const open = new Set<BpfLink>();

/**
 * A program attached to something. It is detached when the last descriptor and the last pin are
 * gone, also when the process dies. Detaching takes the kernel 20 to 140 ms: closeAsync() and
 * `await using` wait for it on another thread, close() and `using` on this one.
 */
export class BpfLink implements Disposable, AsyncDisposable {
  readonly #handle: Handle;

  private constructor(fd: NativeFd, what: string) {
    this.#handle = new Handle(fd, what);
    open.add(this);
  }

  /** Takes over a handle of the native part. */
  static fromFd(fd: NativeFd, what: string): BpfLink {
    return new BpfLink(fd, `the link of ${what}`);
  }

  /** What is pinned at a path of the bpf file system. */
  static fromPin(path: string): BpfLink {
    const fd = checked(native().objGet(path, "link"), "open pin", `Cannot open link ${path}`);
    return new BpfLink(fd, `link ${path}`);
  }

  /** By the kernel's id (CAP_SYS_ADMIN). */
  static fromId(id: number): BpfLink {
    const fd = checked(native().fdById(2, id), "open id", `Cannot open link ${id}`);
    return new BpfLink(fd, `link ${id}`);
  }

  get fd(): NativeFd {
    return this.#handle.fd;
  }

  get closed(): boolean {
    return this.#handle.closed;
  }

  /** Not for perf events of kernels before 5.15, which aren't links to the kernel (EINVAL). */
  info(): LinkInfo {
    const { type, attachType, ...rest } = checked(
      native().linkInfo(this.fd),
      "link info",
      `Cannot read ${this.#handle.what}`,
    );
    const common = { ...rest, type: nameOf(linkTypes, type) };
    return attachType === undefined
      ? common
      : { ...common, attachType: nameOf(attachTypes, attachType) };
  }

  /** Keeps it attached after all processes are gone. Fails with EEXIST. */
  pin(path: string): void {
    pinTo(this.fd, path, this.#handle.what);
  }

  /** Swaps the program without a gap; tracing and LSM links can't (the kernel answers EINVAL). */
  update(program: Descriptor & { readonly name: string }): void {
    check(
      native().linkUpdate(this.fd, program.fd),
      "link update",
      `Cannot put program "${program.name}" into ${this.#handle.what}`,
    );
  }

  /** Detaches although it is pinned or open elsewhere; tracing and LSM links can't (EOPNOTSUPP). */
  detach(): void {
    check(native().linkDetach(this.fd), "detach", `Cannot detach ${this.#handle.what}`);
  }

  close(): void {
    this.#handle.close();
    open.delete(this);
  }

  async closeAsync(): Promise<void> {
    open.delete(this);
    await this.#handle.closeAsync();
  }

  [Symbol.dispose](): void {
    if (!this.closed) this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.closed) await this.closeAsync();
  }
}
