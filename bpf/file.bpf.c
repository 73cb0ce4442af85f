// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Gives the sensor the identity of a file that it has open, as in identity.bpf.h. Attached to nothing. */
#include "identity.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("syscall")
int file__identify(struct file_query *query)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (query->descriptor >= BPF_CORE_READ(table, max_fds))
		return 1;
	bpf_probe_read_kernel(&file, sizeof(file), files + query->descriptor);
	if (!file)
		return 1;
	identify_any(&query->file, file);
	return 0;
}
