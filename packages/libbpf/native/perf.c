/* SPDX-License-Identifier: Apache-2.0 */
/* Perf events as the place where kprobes, uprobes and tracepoints are attached. */
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"
#include "handle.h"

/* perfOpen(type, config, name of the function or file | null, offset, pid): for a probe the type
 * is that of its PMU, for a tracepoint PERF_TYPE_TRACEPOINT. pid -1: every process. */
static napi_value perf_open(napi_env env, napi_callback_info info)
{
	struct perf_event_attr event = {};
	uint64_t config, offset;
	char name[MAX_PATH];
	int type, pid;
	long fd;

	ARGS(5);
	if (!arg_int(env, args[0], &type) || !arg_u64(env, args[1], &config) ||
	    (!is_nullish(env, args[2]) && !arg_text(env, args[2], name, sizeof(name))) ||
	    !arg_u64(env, args[3], &offset) || !arg_int(env, args[4], &pid))
		return NULL;
	event.size = sizeof(event);
	event.type = type;
	event.config = config;
	if (is_nullish(env, args[2])) {
		event.sample_period = 1;
		event.wakeup_events = 1;
	} else {
		event.config1 = (uintptr_t)name;
		event.config2 = offset;
	}
	/* The processor only says where a filter by process starts to count: the probe's hits are
	 * those of all processors. */
	fd = syscall(SYS_perf_event_open, &event, pid, pid < 0 ? 0 : -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd_wrap(env, fd < 0 ? -errno : (int)fd);
}

/* perfOpenMappings(processor, mark): an event that counts nothing. While it is open, the kernel reports
 * mappings on that processor, and reads the build ID of what is mapped to be executed. */
static napi_value perf_open_mappings(napi_env env, napi_callback_info info)
{
	struct perf_event_attr event = {
		.size = sizeof(event),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1,
		.mmap2 = 1,
		.build_id = 1,
	};
	int processor;
	uint64_t mark;
	long fd;

	ARGS(2);
	if (!arg_int(env, args[0], &processor) || !arg_u64(env, args[1], &mark))
		return NULL;
	event.config1 = mark;
	fd = syscall(SYS_perf_event_open, &event, -1, processor, -1, PERF_FLAG_FD_CLOEXEC);
	return fd_wrap(env, fd < 0 ? -errno : (int)fd);
}

void perf_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "perfOpen", perf_open);
	export_function(env, exports, "perfOpenMappings", perf_open_mappings);
}
