// SPDX-License-Identifier: Apache-2.0
/*
 * One forbidden operation after the other, each in a process of its own, while something is done
 * to the guard. Prints every second and at the end, as JSON:
 *
 *   {"attempts":N,"killed":N,"refused":N,"succeeded":N,"first_success":N}
 *
 * An attempt counts when its process is about to do the forbidden call. `succeeded`: the call
 * said so. Ends after SECONDS or when standard input is closed.
 */
#include "attack.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct tally {
	_Atomic unsigned long attempts, killed, refused, succeeded, first_success, other;
};

struct attempt {
	int (*run)(const struct attempt *attempt, struct tally *tally);
	const char *path; /* write */
	struct target target;
};

static int try_write(const struct attempt *attempt, struct tally *tally)
{
	int fd = open(attempt->path, O_WRONLY | O_APPEND);
	char text[64];
	unsigned long number = ++tally->attempts;

	snprintf(text, sizeof(text), "attempt %lu\n", number);
	return write(fd, text, strlen(text)) > 0 ? 0 : 1;
}

static int try_connect(const struct attempt *attempt, struct tally *tally)
{
	struct target target = attempt->target;
	int fd = socket(target.address.ss_family, SOCK_STREAM, 0);

	++tally->attempts;
	return connect(fd, sockaddr_of(&target), target.size) ? 1 : 0;
}

static int try_fastopen(const struct attempt *attempt, struct tally *tally)
{
	struct target target = attempt->target;
	int fd = socket(target.address.ss_family, SOCK_STREAM, 0);

	++tally->attempts;
	return sendto(fd, "loop", 4, MSG_FASTOPEN, sockaddr_of(&target), target.size) > 0 ? 0 : 1;
}

static void count(struct tally *tally, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		tally->killed++;
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 1) {
		tally->refused++;
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		if (!tally->succeeded++)
			tally->first_success = tally->attempts;
	} else {
		tally->other++;
	}
}

static void attack_until(const struct attempt *attempt, struct tally *tally, uint64_t end)
{
	while (now_ns(CLOCK_MONOTONIC) < end) {
		pid_t pid = fork();
		int status;

		if (!pid)
			_exit(attempt->run(attempt, tally));
		if (waitpid(pid, &status, 0) == pid)
			count(tally, status);
		/* The sensor that is started meanwhile needs the processor, too. */
		usleep(20000);
	}
}

static void report(struct tally *tally)
{
	printf("{\"attempts\":%lu,\"killed\":%lu,\"refused\":%lu,\"succeeded\":%lu,"
	       "\"first_success\":%lu,\"other\":%lu}\n",
	       tally->attempts, tally->killed, tally->refused, tally->succeeded,
	       tally->first_success, tally->other);
	fflush(stdout);
}

static int loop(const struct attempt *attempt, const char *seconds, const char *workers)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + strtoull(seconds, NULL, 10) * 1000000000;
	struct tally *tally =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct pollfd input = { .fd = STDIN_FILENO };
	pid_t pids[16];
	int n = atoi(workers) > 16 ? 16 : atoi(workers);

	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			attack_until(attempt, tally, end);
			_exit(0);
		}
	}
	while (now_ns(CLOCK_MONOTONIC) < end) {
		poll(&input, 1, 1000);
		if (input.revents & (POLLHUP | POLLERR))
			break;
		report(tally);
	}
	/* Not by SIGKILL: that would look like an attempt the guard has stopped. */
	for (int i = 0; i < n; i++) {
		if (now_ns(CLOCK_MONOTONIC) < end)
			kill(pids[i], SIGTERM);
		waitpid(pids[i], NULL, 0);
	}
	report(tally);
	return EXIT_DONE;
}

static int loop_write(int argc, char **argv)
{
	struct attempt attempt = { .run = try_write, .path = argv[3] };

	(void)argc;
	return loop(&attempt, argv[1], argv[2]);
}

static int loop_connect(int argc, char **argv)
{
	struct attempt attempt = { .run = try_connect, .target = parse_target(argc - 2, argv + 2) };

	return loop(&attempt, argv[1], argv[2]);
}

static int loop_fastopen(int argc, char **argv)
{
	struct attempt attempt = { .run = try_fastopen,
				   .target = parse_target(argc - 2, argv + 2) };

	return loop(&attempt, argv[1], argv[2]);
}

const struct command loop_commands[] = {
	{ "loop-write", "SECONDS WORKERS PATH", loop_write, 3 },
	{ "loop-connect", "SECONDS WORKERS ADDRESS PORT", loop_connect, 4 },
	{ "loop-fastopen", "SECONDS WORKERS ADDRESS PORT", loop_fastopen, 4 },
	{ NULL, NULL, NULL, 0 },
};
