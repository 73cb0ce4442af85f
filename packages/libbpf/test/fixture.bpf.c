// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* One program for each way to attach, for the tests of the binding. Each counts its calls under its
 * own number, so a test sees which one ran. */
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum counter {
	BY_TRACEPOINT,
	BY_RAW_TRACEPOINT,
	BY_BTF_TRACEPOINT,
	BY_KPROBE,
	BY_KRETPROBE,
	BY_KPROBE_MULTI,
	BY_FENTRY,
	BY_FEXIT,
	BY_FMOD_RET,
	BY_LSM,
	BY_UPROBE,
	BY_URETPROBE,
	BY_UPROBE_MULTI,
	BY_CLONE,
	COUNTERS,
};

struct point {
	__u32 x;
	__s32 y;
};

struct shape {
	__u8 kind;
	__u64 limit;
	struct point corners[2];
	char label[8];
};

/* Constants, the first one so that a test may be alone on a busy machine: 0 is everybody. */
const volatile __u32 only_pid = 0;
const volatile __u32 clone_adds = 1;
const volatile __s32 verdict = 0;
const volatile struct shape shape = {};
const volatile enum counter favourite = BY_KPROBE;
__u64 initialised = 0x1122334455667788;
__u64 zeroed;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, __u64);
} pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");

static __always_inline int is_ours(void)
{
	return !only_pid || bpf_get_current_pid_tgid() >> 32 == only_pid;
}

static __always_inline int count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value && is_ours())
		__sync_fetch_and_add(value, 1);
	return 0;
}

SEC("?tracepoint/syscalls/sys_enter_umask")
int by_tracepoint(void *ctx)
{
	return count(BY_TRACEPOINT);
}

SEC("?raw_tracepoint/sys_enter")
int by_raw_tracepoint(void *ctx)
{
	return count(BY_RAW_TRACEPOINT);
}

SEC("?tp_btf/sys_enter")
int by_btf_tracepoint(void *ctx)
{
	return count(BY_BTF_TRACEPOINT);
}

SEC("?kprobe/__x64_sys_umask")
int by_kprobe(void *ctx)
{
	return count(BY_KPROBE);
}

SEC("?kretprobe/__x64_sys_umask")
int by_kretprobe(void *ctx)
{
	return count(BY_KRETPROBE);
}

SEC("?kprobe.multi/__x64_sys_umask")
int by_kprobe_multi(void *ctx)
{
	return count(BY_KPROBE_MULTI);
}

SEC("?fentry/__x64_sys_umask")
int by_fentry(void *ctx)
{
	return count(BY_FENTRY);
}

SEC("?fexit/__x64_sys_umask")
int by_fexit(void *ctx)
{
	return count(BY_FEXIT);
}

SEC("?fmod_ret/security_path_mkdir")
int by_fmod_ret(void *ctx)
{
	if (!is_ours())
		return 0;
	count(BY_FMOD_RET);
	return verdict;
}

SEC("?lsm/path_mkdir")
int by_lsm(void *ctx)
{
	if (!is_ours())
		return 0;
	count(BY_LSM);
	return verdict < 0 && verdict > -4096 ? verdict : 0;
}

SEC("?uprobe")
int by_uprobe(void *ctx)
{
	return count(BY_UPROBE);
}

SEC("?uretprobe")
int by_uretprobe(void *ctx)
{
	return count(BY_URETPROBE);
}

SEC("?uprobe.multi")
int by_uprobe_multi(void *ctx)
{
	return count(BY_UPROBE_MULTI);
}

/* Connections of ours go wrong, each program in its own way. */
SEC("?cgroup/connect4")
int deny_connect(struct bpf_sock_addr *ctx)
{
	return !is_ours();
}

SEC("?cgroup/connect4")
int allow_connect(struct bpf_sock_addr *ctx)
{
	return 1;
}

/* A template for clones: constants, a global function and a loop's callback. */
__noinline int weigh(__u32 times)
{
	return clone_adds * times;
}

static long add_one(__u32 index, __u64 **value)
{
	__sync_fetch_and_add(*value, weigh(1));
	return 0;
}

static __always_inline int add_in_loop(void)
{
	__u32 counter = BY_CLONE;
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value && is_ours())
		bpf_loop(3, add_one, &value, 0);
	return 0;
}

SEC("?fentry")
int template_fentry(void *ctx)
{
	return add_in_loop();
}

SEC("?kprobe")
int template_kprobe(void *ctx)
{
	return add_in_loop();
}

SEC("?lsm")
int template_lsm(void *ctx)
{
	if (!is_ours())
		return 0;
	add_in_loop();
	return verdict < 0 && verdict > -4096 ? verdict : 0;
}

/* Records of changing length, each with its number at its beginning and in its fifth word; every seventh is discarded. */
__u64 record_number, dropped;

SEC("?raw_tracepoint/sys_enter")
int write_records(struct bpf_raw_tracepoint_args *ctx)
{
	if (!only_pid || !is_ours() || ctx->args[1] != 95)
		return 0;
	__u64 number = __sync_fetch_and_add(&record_number, 1);
	__u64 *record = number % 2 ? bpf_ringbuf_reserve(&events, 300, 0) :
				     bpf_ringbuf_reserve(&events, 44, 0);

	if (!record) {
		__sync_fetch_and_add(&dropped, 1);
		return 0;
	}
	record[0] = number;
	record[4] = number;
	if (number % 7 == 6)
		bpf_ringbuf_discard(record, 0);
	else
		bpf_ringbuf_submit(record, 0);
	return 0;
}

/* Fills the ring as fast as it goes: 1,000 records of 300 bytes a run. */
static long write_one(__u32 index, void *context)
{
	__u64 *record = bpf_ringbuf_reserve(&events, 300, 0);

	if (!record)
		return 1;
	record[0] = index;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("?raw_tracepoint/sys_enter")
int write_many(void *ctx)
{
	bpf_loop(1000, write_one, NULL, 0);
	return 0;
}

struct seq_file;
struct task_struct {
	int pid;
} __attribute__((preserve_access_index));
struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

SEC("?iter/task")
int list_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 pid;

	if (!task)
		return 0;
	pid = task->pid;
	bpf_seq_write(ctx->meta->seq, &pid, sizeof(pid));
	return 0;
}

/* Refused by the verifier: the lookup's result may be NULL. */
SEC("?raw_tracepoint/sys_enter")
int refused(void *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&counters, &key);

	return *value;
}

SEC("?socket")
int returns_seven(void *ctx)
{
	return 7;
}
