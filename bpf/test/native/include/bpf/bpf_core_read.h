/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Replaces libbpf's header in native tests: the fields lie where this compiler puts them. */
#ifndef GANDER_NATIVE_CORE_READ_H
#define GANDER_NATIVE_CORE_READ_H

#define bpf_core_field_offset(TYPE, FIELD) __builtin_offsetof(TYPE, FIELD)
#define bpf_core_field_exists(FIELD) 1
#define BPF_CORE_READ_BITFIELD(FROM, FIELD) ((FROM)->FIELD)
#define bpf_core_enum_value(TYPE, VALUE) VALUE
#define bpf_core_enum_value_exists(TYPE, VALUE) 1
#define bpf_core_type_size(TYPE) sizeof(TYPE)
#define bpf_core_type_id_kernel(TYPE) 0
#define bpf_core_read(TO, SIZE, FROM) bpf_probe_read_kernel(TO, SIZE, FROM)

#define NATIVE_READ(FROM, FIELD)                                                                   \
	({                                                                                         \
		typeof((FROM)->FIELD) read_;                                                       \
		bpf_probe_read_kernel((void *)&read_, sizeof(read_),                               \
				      (char *)(FROM) +                                             \
					      __builtin_offsetof(typeof(*(FROM)), FIELD));         \
		read_;                                                                             \
	})
#define NATIVE_READ_1(FROM, A) NATIVE_READ(FROM, A)
#define NATIVE_READ_2(FROM, A, B) NATIVE_READ(NATIVE_READ(FROM, A), B)
#define NATIVE_READ_3(FROM, A, B, C) NATIVE_READ(NATIVE_READ_2(FROM, A, B), C)
#define NATIVE_READ_OF(A, B, C, NAME, ...) NAME
#define BPF_CORE_READ(FROM, ...)                                                                   \
	NATIVE_READ_OF(__VA_ARGS__, NATIVE_READ_3, NATIVE_READ_2, NATIVE_READ_1)(FROM, __VA_ARGS__)

#endif
