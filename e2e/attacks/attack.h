/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks for acceptance tests: each does in the guest what a policy forbids, by one particular way
 * into the kernel. What it prints is for people; the tests look at the effect (the file, the
 * listener), never at what an attack says about itself.
 */
#ifndef ATTACK_H
#define ATTACK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum exit_status {
	EXIT_DONE = 0,	  /* every call of the attack reported success */
	EXIT_REFUSED = 1, /* a call failed; standard error says which and why */
	EXIT_USAGE = 2,
	EXIT_UNSUPPORTED = 77, /* this kernel has no such way */
};

struct command {
	const char *name;
	const char *arguments;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
	int min_arguments;
};

/* tables that end with a NULL name */
extern const struct command connect_commands[];
extern const struct command connect_route_commands[];
extern const struct command connect_race_commands[];
extern const struct command listen_commands[];
extern const struct command write_commands[];
extern const struct command exec_commands[];
extern const struct command storm_commands[];
extern const struct command hostile_commands[];
extern const struct command loop_commands[];
extern const struct command unknown_commands[];
extern const struct command pod_commands[];
extern const struct command entry_commands[];
extern const struct command hog_commands[];
extern const struct command silent_commands[];
extern const struct command rename_race_commands[];
extern const struct command forged_exe_commands[];
extern const struct command compat_commands[];

/* Print `what` and errno's text, then exit with EXIT_REFUSED or EXIT_UNSUPPORTED. */
_Noreturn void refused(const char *what);
_Noreturn void unsupported(const char *what);

/* -1 with errno of a kind that says "no such thing in this kernel" exits as unsupported, other
 * failures as refused; anything else is returned. */
long must(long result, const char *what);

uint64_t now_ns(int clock);

/* Bind this process (or thread) to one CPU; errors are ignored. */
void pin_to_cpu(int cpu);

/* Send and receive a file descriptor over a unix socket. */
void send_fd(int socket, int fd);
int receive_fd(int socket);

/* Create each missing directory of `path`, like mkdir -p. */
void make_directories(const char *path);

#endif
