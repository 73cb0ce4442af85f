/* SPDX-License-Identifier: Apache-2.0 */
/* What libbpf knows after loading and has no public accessor for (libbpf 1.5; 1.6 publishes the
 * records of a program). Needed to load a relocated program once more with another .rodata. */
#ifndef LIBBPF_INTERNALS_H
#define LIBBPF_INTERNALS_H

#include <stdbool.h>
#include <bpf/libbpf.h>

struct program_records {
	const void *func_info;
	__u32 func_info_size, func_info_count;
	const void *line_info;
	__u32 line_info_size, line_info_count;
	const int *fd_array; /* BTF fds of modules whose functions the program calls */
	int btf_fd;
	bool sleepable;
	const char *license;
};

/* Valid until the object is closed. */
void program_records(const struct bpf_program *program, struct program_records *records);

/* The ELF section of an internal map (".rodata"), NULL for a declared one. Its kernel name is
 * another: the object's name comes first. */
const char *map_section(const struct bpf_map *map);

/* Set the attach target by id in the kernel's BTF (0) or in the BTF object of a module (fd), which
 * spares libbpf from parsing that BTF for a lookup by name. */
void program_set_attach_btf(struct bpf_program *program, int btf_id, int btf_object_fd);

#endif
