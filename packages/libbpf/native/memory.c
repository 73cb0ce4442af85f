/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the kernel as ArrayBuffers. The mapping belongs to the buffer's backing store, not to
 * an object of ours: it is unmapped when V8 drops that store, whoever holds it by then (a buffer
 * can be transferred), and never while JavaScript could still read it. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "addon.h"
#include "handle.h"

static void unmap(napi_env env, void *data, void *hint)
{
	(void)env;
	munmap(data, (size_t)(uintptr_t)hint);
}

/* memoryMap(map, offset, size, writable): an ArrayBuffer, or a negated errno. Writing to one that
 * isn't writable ends the process. */
static napi_value memory_map(napi_env env, napi_callback_info info)
{
	uint64_t offset, size;
	napi_value result;
	bool writable;
	void *data;

	ARGS(4);
	struct fd_handle *map = arg_fd(env, args[0]);

	if (!map || !arg_u64(env, args[1], &offset) || !arg_u64(env, args[2], &size) ||
	    !arg_bool(env, args[3], &writable))
		return NULL;
	data = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, map->fd,
		    offset);
	if (data == MAP_FAILED)
		return to_int(env, -errno);
	if (napi_create_external_arraybuffer(env, data, size, unmap, (void *)(uintptr_t)size,
					     &result) != napi_ok) {
		munmap(data, size);
		return to_int(env, -ENOTSUP);
	}
	return result;
}

/* memoryDetach(buffer): from here on it has no bytes; the mapping goes with its store. */
static napi_value memory_detach(napi_env env, napi_callback_info info)
{
	bool is = false;

	ARGS(1);
	napi_is_arraybuffer(env, args[0], &is);
	if (!is)
		return throw_type(env, "expected an ArrayBuffer");
	napi_detach_arraybuffer(env, args[0]);
	return NULL;
}

static napi_value page_size(napi_env env, napi_callback_info info)
{
	(void)info;
	return to_int(env, sysconf(_SC_PAGESIZE));
}

/* memoryTrim(): gives what malloc keeps for later back to the machine. */
static napi_value memory_trim(napi_env env, napi_callback_info info)
{
	(void)env;
	(void)info;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	return NULL;
}

/* A sensor lives for months beside the workloads. By its defaults malloc would raise the size from which a block is
 * given back when it is freed up to 32 MB, and keep a pool for each thread: tens of megabytes of buffers that messages
 * and programs once needed. */
static void keep_little(void)
{
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 64 << 10);
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
#endif
}

void memory_register(napi_env env, napi_value exports)
{
	keep_little();
	export_function(env, exports, "memoryMap", memory_map);
	export_function(env, exports, "memoryDetach", memory_detach);
	export_function(env, exports, "memoryTrim", memory_trim);
	export_function(env, exports, "pageSize", page_size);
}
