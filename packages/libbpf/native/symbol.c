/* SPDX-License-Identifier: Apache-2.0 */
/* Where a function of a program or library lies in its file, which is what uprobes ask for. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <gelf.h>

#include "addon.h"

/* The file offset of an address, or -ENOENT where no loaded segment holds it. */
static int64_t file_offset(Elf *elf, GElf_Addr address)
{
	size_t count;

	if (elf_getphdrnum(elf, &count))
		return -ENOEXEC;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;

		if (gelf_getphdr(elf, i, &segment) && segment.p_type == PT_LOAD &&
		    address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz)
			return address - segment.p_vaddr + segment.p_offset;
	}
	return -ENOENT;
}

/* "memcpy@@GLIBC_2.14" in a symbol table is asked for as "memcpy". */
static bool same_name(const char *symbol, const char *name, size_t length)
{
	return symbol && !strncmp(symbol, name, length) &&
	       (symbol[length] == 0 || symbol[length] == '@');
}

static int64_t find_in_table(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, const char *name)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t length = strlen(name);

	if (!data || !header->sh_entsize)
		return -ENOENT;
	for (size_t i = 0; i < header->sh_size / header->sh_entsize; i++) {
		GElf_Sym symbol;

		if (!gelf_getsym(data, i, &symbol) || GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
		    symbol.st_shndx == SHN_UNDEF)
			continue;
		if (same_name(elf_strptr(elf, header->sh_link, symbol.st_name), name, length))
			return file_offset(elf, symbol.st_value);
	}
	return -ENOENT;
}

static int64_t find(Elf *elf, const char *name)
{
	static const uint32_t tables[] = { SHT_DYNSYM, SHT_SYMTAB };

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		Elf_Scn *section = NULL;

		while ((section = elf_nextscn(elf, section))) {
			GElf_Shdr header;
			int64_t offset;

			if (!gelf_getshdr(section, &header) || header.sh_type != tables[i])
				continue;
			offset = find_in_table(elf, section, &header, name);
			if (offset != -ENOENT)
				return offset;
		}
	}
	return -ENOENT;
}

/* symbolOffset(path, function's name) */
static napi_value symbol_offset(napi_env env, napi_callback_info info)
{
	char path[MAX_PATH], name[MAX_PATH];
	int64_t offset = -ENOEXEC;
	Elf *elf;
	int fd;

	ARGS(2);
	if (!arg_text(env, args[0], path, sizeof(path)) ||
	    !arg_text(env, args[1], name, sizeof(name)))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return to_int(env, -errno);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF)
		offset = find(elf, name);
	elf_end(elf);
	close(fd);
	return to_int(env, offset);
}

void symbol_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "symbolOffset", symbol_offset);
}
