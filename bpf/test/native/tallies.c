// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Calls that are counted: against lists of their times, by many owners, and by CPUs that are held up. */
#include "../../kernel.h"
#include <bpf/bpf_helpers.h>
#include "../../rows.bpf.h"
#include "check.h"
#include "random.h"
#include "tree.h"

static struct cgroup host_cgroup = { .self.flags = CSS_ONLINE };
static struct css_set host_set = { &host_cgroup };

/* Of which nothing has been counted. */
static struct scratch *a_call(void)
{
	struct scratch *s = the_scratch();

	native_map_of(&tallies)->list = NULL;
	for (__u32 at = 0; at < TALLY_OWNERS; at++)
		tally_owner_at(at)->held = 0;
	get_config()->tallies = 0;
	memset(s, 0, sizeof(*s));
	memset(&s->key, 0xff, sizeof(s->key)); /* of an earlier call */
	return s;
}

/* Of verdict 1, which counts in `counts` 1. */
static struct count *the_count(void)
{
	__u32 at = 1;

	((struct verdict *)bpf_map_lookup_elem(&verdicts, &at))->counter = 1;
	return bpf_map_lookup_elem(&counts, &at);
}

enum { WINDOW = 1 << 30 }; /* ns; times are multiples of what is kept of them */

/* A process that is known and has no counted calls. */
static struct proc *counting_process(void)
{
	__u32 tgid = host_task.tgid = 4000 + random_below(1000000);
	struct proc *proc = bpf_map_lookup_elem(&procs, &tgid);

	host_task.flags = 0;
	forget_tallies(tgid, TALLY_PROCESS);
	return proc ?: native_put(&procs, &tgid);
}

/* Lists the condition, as the sensor does first. */
static struct row tally_row(__u64 wanted, __u64 window, __u64 condition)
{
	struct row row = { .op = ROW_TALLY, .n = 3, .verdict = 1 };
	__u32 at = condition / 2 % (2 * MAX_CONDITIONS);

	*(__u64 *)bpf_map_lookup_elem(&conditions, &at) = condition;
	if (get_config()->conditions <= at)
		get_config()->conditions = at + 1;
	row.values[0] = wanted;
	row.values[1] = window;
	row.values[2] = condition;
	return row;
}

/* Entries that owners hold; each is in the hash. */
static __u32 held_tallies(void)
{
	__u32 held = 0;

	for (__u32 at = 0; at < TALLY_OWNERS; at++)
		held += tally_owner_at(at)->held;
	expect(held == get_config()->tallies, "%u of %u", held, get_config()->tallies);
	return held;
}

/* Times that are close to a window apart, against a list of all of them. */
static void counted_calls(void)
{
	static __u64 times[400];
	int holding = 0;

	for (int round = 0; round < 200; round++) {
		__u64 wanted = round % 2 ? 2 + random_below(5) : 2 + random_below(TALLY_CALLS - 1);
		struct row row = tally_row(wanted, WINDOW, 2 + 2 * round);
		struct scratch *s = a_call();
		struct proc *proc = counting_process();

		for (__u32 i = 0; i < 400; i++) {
			bool expected, got;

			native_now += random_below(4) ? random_below(3ULL * WINDOW / wanted) :
							WINDOW / (wanted - 1);
			native_now &= ~(__u64)TURN_MASK;
			times[i] = native_now;
			expected = i + 1 >= wanted && times[i] - times[i + 1 - wanted] <= WINDOW;
			got = tally_holds(s, &row);
			expect(got == expected, "call %u of %llu wanted", i, wanted);
			holding += got;
		}
		expect(proc->flags & PROC_COUNTED);
		forget_tallies(host_task.tgid, TALLY_PROCESS);
	}
	expect(holding > 1000 && holding < 70000, "%d of 80000 hold", holding);
	expect(held_tallies() == 0);
}

static void conditions_that_count_at_a_time(void)
{
	struct scratch *s = a_call();
	struct row rows[MAX_CONDITIONS];
	__u32 tgid;

	counting_process();
	tgid = host_task.tgid;
	for (int i = 0; i < MAX_CONDITIONS; i++) {
		rows[i] = tally_row(2, WINDOW, 2 + 2 * i);
		expect(!tally_holds(s, &rows[i]));
	}
	counting_process();
	for (int i = 0; i < MAX_CONDITIONS; i++)
		expect(!tally_holds(s, &rows[i]), "condition %d, another process", i);
	host_task.tgid = tgid;
	for (int i = 0; i < MAX_CONDITIONS; i++)
		expect(tally_holds(s, &rows[i]), "condition %d", i);
	expect(held_tallies() == 2 * MAX_CONDITIONS);
	forget_tallies(tgid, TALLY_CGROUP);
	expect(tally_holds(s, &rows[0]));
	forget_tallies(tgid, TALLY_PROCESS);
	forget_tallies(tgid, TALLY_PROCESS);
	expect(held_tallies() == MAX_CONDITIONS);
	expect(!tally_holds(s, &rows[0]));
}

static void calls_that_cannot_be_counted(void)
{
	struct row row = tally_row(2, WINDOW, 6), never = tally_row(2, WINDOW, 0);
	struct scratch *s = a_call();
	struct count *count = the_count();
	__u64 before = count->missing[FACT_PROCESS];
	__u32 tgid;

	counting_process();
	expect(!tally_holds(s, &never) && !tally_holds(s, &never) && !tally_holds(s, &never));
	host_task.flags = PF_EXITING;
	expect(!tally_holds(s, &row) && !tally_holds(s, &row));
	host_task.flags = 0;
	native_set(__preempt_count, IN_SOFTIRQ);
	expect(!tally_holds(s, &row) && !tally_holds(s, &row));
	native_set(__preempt_count, 0);
	expect(!tally_holds(s, &row) && tally_holds(s, &row));
	native_set(__preempt_count, IN_SOFTIRQ);
	expect(!tally_holds(s, &row));
	native_set(__preempt_count, 0);
	tgid = host_task.tgid;
	host_task.tgid = 0;
	expect(!tally_holds(s, &row) && !tally_holds(s, &row));
	/* One that is in no table counts as well, and its exit ends it. */
	host_task.tgid = tgid;
	counting_process();
	bpf_map_delete_elem(&procs, &host_task.tgid);
	expect(!tally_holds(s, &row) && tally_holds(s, &row));
	get_config()->flags |= CONFIG_TALLIES;
	forget_tallies_of_process(host_task.tgid);
	expect(!tally_holds(s, &row) && tally_holds(s, &row));
	expect(count->missing[FACT_PROCESS] == before);
}

static void calls_of_cgroups(void)
{
	struct row row = tally_row(2, WINDOW, 7);
	struct scratch *s = a_call();

	counting_process();
	host_cgroup.self.flags = CSS_ONLINE;
	expect(!tally_holds(s, &row) && tally_holds(s, &row));
	counting_process(); /* another one, in the same cgroup */
	expect(tally_holds(s, &row));
	native_cgroup = 2;
	expect(!tally_holds(s, &row) && tally_holds(s, &row));
	forget_tallies(1, TALLY_CGROUP);
	expect(tally_holds(s, &row));
	native_cgroup = 1;
	expect(!tally_holds(s, &row));
	forget_tallies(2, TALLY_CGROUP);
	native_cgroup = 2;
	host_cgroup.self.flags = 0; /* being removed */
	expect(!tally_holds(s, &row) && !tally_holds(s, &row));
	native_cgroup = 1;
}

/* Processes of some owners come and go; a greedy one's only come. */
static void owners_with_their_part(void)
{
	enum { FREE = 1024, TAKEN = MAX_TALLIES - FREE, GREEDY = 2, OTHERS = 300, EACH = 2 };
	struct row row = tally_row(2, WINDOW, 8);
	struct scratch *s = a_call();
	struct count *count = the_count();
	__u64 before = count->missing[FACT_PROCESS];
	__u32 first = 2000000, tgid = first, greedy = 0;

	*tally_owner_at(0) = (struct tally_owner){ .cgroup = ~0ULL, .held = TAKEN };
	get_config()->tallies = TAKEN;

	for (native_cgroup = 1000; native_cgroup < 1000 + GREEDY; native_cgroup++) {
		for (; count->missing[FACT_PROCESS] == before; greedy++) {
			host_task.tgid = tgid++;
			expect(!tally_holds(s, &row));
		}
		expect(tally_holds(s, &row) == false && count->missing[FACT_PROCESS] == before + 2);
		before += 2;
		greedy--;
		host_task.tgid = tgid - 2; /* what it has goes on counting */
		expect(tally_holds(s, &row) && count->missing[FACT_PROCESS] == before);
	}
	expect(greedy > FREE / 4 && greedy < FREE / 2, "%u", greedy);
	for (native_cgroup = 2000; native_cgroup < 2000 + OTHERS; native_cgroup++) {
		for (int i = 0; i < EACH; i++) {
			host_task.tgid = tgid++;
			expect(!tally_holds(s, &row) && tally_holds(s, &row));
		}
	}
	expect(count->missing[FACT_PROCESS] == before);
	native_cgroup = 1000;
	host_task.tgid = tgid++;
	expect(!tally_holds(s, &row) && count->missing[FACT_PROCESS] == before + 1);
	expect(held_tallies() == TAKEN + greedy + OTHERS * EACH);
	/* They end elsewhere than they began. */
	get_config()->conditions = 9;
	native_cgroup = 1;
	while (tgid-- > first)
		forget_tallies(tgid, TALLY_PROCESS);
	expect(held_tallies() == TAKEN);
}

/* A time that is not written yet is that of a call in progress. */
static void calls_in_progress(void)
{
	struct tally tally = {};

	for (int i = 0; i < 500; i++) {
		native_now += WINDOW;
		expect(!count_call(&tally, 7, WINDOW));
	}
	native_now += 2ULL * WINDOW;
	tally.calls++; /* another CPU has not got further */
	for (int i = 0; i < 5; i++)
		expect(!count_call(&tally, 7, WINDOW), "call %d", i);
	expect(count_call(&tally, 7, WINDOW));
	native_now += WINDOW;
	expect(count_call(&tally, 7, WINDOW));
	native_now += 1 << TALLY_TURN_BITS;
	expect(!count_call(&tally, 7, WINDOW));
}

static struct {
	struct tally tally;
	__u64 times[8192];
	int wanted, calls, others, wrong;
} counted;

static bool counted_call(void)
{
	int call = counted.calls++;

	counted.times[call] = native_now;
	return count_call(&counted.tally, counted.wanted, WINDOW);
}

/* Is the call the last of so many within the window, with all that was made before it? */
static bool is_reached(int call)
{
	__u64 age = call + 1 < counted.wanted ?
			    ~0ULL :
			    counted.times[call] - counted.times[call + 1 - counted.wanted];

	return age <= WINDOW;
}

static void calls_of_others(void)
{
	for (int i = 0; i < counted.others; i++) {
		int call = counted.calls;

		native_now +=
			((__u64)WINDOW / counted.wanted * (i % 2 ? 1 : 2)) & ~(__u64)TURN_MASK;
		counted.wrong += counted_call() != is_reached(call);
	}
}

/* A call of which others know only the number, while they make so many. */
static void calls_that_are_held_up(void)
{
	static const int others[] = { 0, 1, 2, 11, 12, 13, 30, 112, 113, 300, 1500 };

	for (int round = 0; round < 1000; round++) {
		int own;
		bool got;

		memset(&counted, 0, sizeof(counted));
		counted.wanted = 2 + random_below(TALLY_CALLS - 1);
		counted.others = random_below(400);
		calls_of_others();
		expect(!counted.wrong);
		native_now += (__u64)random_below(3) * WINDOW;
		counted.others = others[round % (sizeof(others) / sizeof(*others))];
		native_held_up = calls_of_others;
		own = counted.calls;
		got = counted_call();
		counted.times[own] = native_now;
		/* Beyond that, the first of its calls has been overwritten. */
		if (counted.others <= TALLY_TIMES - counted.wanted)
			expect(got == is_reached(own), "%d others of %d", counted.others,
			       counted.wanted);
		else
			expect(got == is_reached(counted.calls - 1), "late, %d others",
			       counted.others);
		counted.others = 3 * TALLY_TIMES;
		calls_of_others();
		counted.wrong = 0;
		calls_of_others();
		expect(!counted.wrong, "%d in round %d", counted.wrong, round);
	}
}

static void times_of_earlier_turns(void)
{
	__u64 place = 0;

	write_time(&place, 5 << TALLY_TURN_BITS, 1);
	expect(place == (5 << TALLY_TURN_BITS | 1));
	write_time(&place, 7 << TALLY_TURN_BITS, 3);
	write_time(&place, 9 << TALLY_TURN_BITS, 2);
	write_time(&place, 9 << TALLY_TURN_BITS, TURN_MASK);
	expect(place == (7 << TALLY_TURN_BITS | 3));
	place = 5 << TALLY_TURN_BITS | TURN_MASK;
	write_time(&place, 6 << TALLY_TURN_BITS, 0);
	expect(place == 6 << TALLY_TURN_BITS);
}

int main(void)
{
	use_walk_maps();
	use_map(verdicts);
	use_map(counts);
	use_map(procs);
	use_map(config);
	use_map(faults);
	use_map(tallies);
	use_map(tally_owners);
	use_map(conditions);
	native_set(hook_id, 1U);
	native_set(hook_lacks, 0U);
	native_task = &host_task;
	native_now = WINDOW;
	host_task.cgroups = &host_set;
	run(counted_calls);
	run(conditions_that_count_at_a_time);
	run(calls_that_cannot_be_counted);
	run(calls_of_cgroups);
	run(owners_with_their_part);
	run(calls_in_progress);
	run(calls_that_are_held_up);
	run(times_of_earlier_turns);
	return !!test_failures;
}
