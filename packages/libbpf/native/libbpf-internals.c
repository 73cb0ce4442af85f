/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled as one unit with libbpf.c: its structures are private to that file. */
#pragma weak bpf_core_add_cands /* candidates.c has another */
#include "libbpf.c"
#include "libbpf-internals.h"

void program_records(const struct bpf_program *program, struct program_records *records)
{
	const struct bpf_object *object = program->obj;
	bool has_btf = object->btf && btf__fd(object->btf) >= 0;

	*records = (struct program_records){
		.func_info = has_btf ? program->func_info : NULL,
		.func_info_size = program->func_info_rec_size,
		.func_info_count = has_btf ? program->func_info_cnt : 0,
		.line_info = has_btf ? program->line_info : NULL,
		.line_info_size = program->line_info_rec_size,
		.line_info_count = has_btf ? program->line_info_cnt : 0,
		.fd_array = object->fd_array,
		.btf_fd = has_btf ? btf__fd(object->btf) : -1,
		.sleepable = program->sec_def && (program->sec_def->cookie & SEC_SLEEPABLE),
		.license = object->license,
	};
}

const char *map_section(const struct bpf_map *map)
{
	return map->real_name;
}

void program_set_attach_btf(struct bpf_program *program, int btf_id, int btf_object_fd)
{
	program->attach_btf_id = btf_id;
	program->attach_btf_obj_fd = btf_object_fd;
}
