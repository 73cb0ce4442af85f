// SPDX-License-Identifier: Apache-2.0

/**
 * Properties of a kernel outside its types that decide what policies can do there: the names of features
 * in KernelFacts (packages/proto), and what their presence means. A name that isn't sent is unknown.
 */
const kernelFeatures = {
  "bpf-lsm": "LSM programs are called: `bpf` is an active LSM",
  "bpf-loop": "programs may call bpf_loop",
  "get-function-argument": "tracing programs may call bpf_get_func_arg",
  "kprobe-multi": "one link can attach to many functions",
  "lockdown-confidentiality": "programs may not read the kernel's memory",
  "ring-buffer": "there are BPF ring buffers",
  "task-storage": "there is storage that belongs to a task",
} as const;

export type KernelFeatureName = keyof typeof kernelFeatures;
