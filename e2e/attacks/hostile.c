// SPDX-License-Identifier: Apache-2.0
/*
 * `hostile KIND`: starts a program whose arguments, name, path or environment are meant to upset
 * whoever reads them. The program is a copy of this one in /tmp where its path matters.
 */
#include "attack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

#define SELF "/proc/self/exe"

static void start(const char *argument)
{
	execve(SELF, (char *[]){ "hostile", "leaf", (char *)argument, NULL }, environ);
}

static char *repeat(const char *what, size_t size)
{
	char *text = malloc(size + 1);
	size_t n = strlen(what);

	for (size_t i = 0; i < size; i++)
		text[i] = what[i % n];
	text[size] = 0;
	return text;
}

static void newline(void)
{
	start("first\nsecond\r\n{\"process_exec\":{\"process\":{\"pid\":1}}}\n");
}

static void escape(void)
{
	start("\x1b[2J\x1b[31mred\x1b]0;title\x07\x1b]52;c;ZXZpbA==\x07");
}

static void controls(void)
{
	start("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17"
	      "\x18\x19\x1a\x1c\x1d\x1e\x1f\x7f");
}

static void c1_controls(void)
{
	start("\xc2\x9b"
	      "31m \xc2\x90 \xc2\x9d"
	      "0;title\xc2\x9c \x9b"
	      "31m raw");
}

static void invalid_utf8(void)
{
	start("\xff\xfe \xc0\xaf \xed\xa0\x80 \xf8\x88\x80\x80\x80 \xe2\x82 \x80 end");
}

static void unicode(void)
{
	start("\xe2\x80\xa8line\xe2\x80\xa9para\xe2\x80\xae"
	      "txt.exe\xef\xbb\xbf\xf0\x9f\x9a\x80\xe2\x81\xa6");
}

static void quotes(void)
{
	start("\"\\\" \\u0000 \\n ', } ] <script>&amp; %s %n ${HOME} `id`");
}

static void one_large(void)
{
	start(repeat("large ", 131071));
}

static void large_invalid(void)
{
	start(repeat("\xe2\x82\xac\xff\n", 131000));
}

static void many(void)
{
	enum { N = 60000 };
	char **argv = calloc(N + 1, sizeof(*argv));

	argv[0] = "hostile";
	argv[1] = "leaf";
	for (int i = 2; i < N; i++)
		argv[i] = i % 3 ? "x" : "";
	execve(SELF, argv, environ);
}

static void largest(void)
{
	enum { N = 15 };
	char *argv[N + 1] = { "hostile", "leaf" };

	for (int i = 2; i < N; i++)
		argv[i] = repeat(i % 2 ? "\x1b[31m" : "a b", 131071);
	execve(SELF, argv, environ);
}

static void nothing(void)
{
	execve(SELF, (char *[]){ NULL }, environ);
}

static void empty(void)
{
	execve(SELF, (char *[]){ "", "", "", NULL }, environ);
}

static void other_name(void)
{
	execve(SELF, (char *[]){ "/usr/sbin/sshd: root@pts/0", "leaf", NULL }, environ);
}

static void large_environment(void)
{
	char *large = repeat("E", 131000);

	memcpy(large, "EVIL=\x1b[31m\n", 11);
	execve(SELF, (char *[]){ "hostile", "leaf", "environment", NULL },
	       (char *[]){ large, "A=\xff\n", "\n=\x1b", "", NULL });
}

/* The program itself lies at a path that is hostile, in a directory that is. */
static void from_path(const char *directory, const char *name)
{
	char buffer[65536];
	ssize_t size;
	int from, to;

	mkdir(directory, 0755);
	must(chdir(directory), "chdir");
	from = (int)must(open(SELF, O_RDONLY | O_CLOEXEC), SELF);
	to = (int)must(open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), "hostile path");
	while ((size = read(from, buffer, sizeof(buffer))) > 0)
		must(write(to, buffer, (size_t)size), "copy");
	close(to);
	execve(name, (char *[]){ (char *)name, "leaf", "path", NULL }, environ);
}

static void path(void)
{
	from_path("/tmp/line\nbreak \x1b[31m\"quote\\", "evil\n\x1b]0;title\x07 \xff.exe");
}

static void long_path(void)
{
	char *directory = repeat("long-", 200);

	must(chdir("/tmp"), "chdir");
	for (int i = 0; i < 15; i++) {
		mkdir(directory, 0755);
		must(chdir(directory), "chdir");
	}
	from_path(".", "program");
}

static void thread_name(void)
{
	prctl(PR_SET_NAME, "\x1b[31m\n\"\\\xff");
	start("name");
}

/* Deleted working directory */
static void lost_directory(void)
{
	mkdir("/tmp/lost\x1b[31m", 0755);
	must(chdir("/tmp/lost\x1b[31m"), "chdir");
	rmdir("/tmp/lost\x1b[31m");
	start("lost");
}

static const struct {
	const char *name;
	void (*start)(void);
} kinds[] = {
	{ "newline", newline },
	{ "escape", escape },
	{ "controls", controls },
	{ "c1-controls", c1_controls },
	{ "invalid-utf8", invalid_utf8 },
	{ "unicode", unicode },
	{ "quotes", quotes },
	{ "one-large", one_large },
	{ "large-invalid", large_invalid },
	{ "many", many },
	{ "largest", largest },
	{ "nothing", nothing },
	{ "empty", empty },
	{ "other-name", other_name },
	{ "large-environment", large_environment },
	{ "path", path },
	{ "long-path", long_path },
	{ "thread-name", thread_name },
	{ "lost-directory", lost_directory },
};

static int hostile(int argc, char **argv)
{
	(void)argc;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!strcmp(argv[1], "list"))
			puts(kinds[i].name);
		else if (!strcmp(argv[1], kinds[i].name)) {
			kinds[i].start();
			refused("exec");
		}
	}
	return EXIT_DONE;
}

const struct command hostile_commands[] = {
	{ "hostile", "KIND|list", hostile, 1 },
	{ NULL, NULL, NULL, 0 },
};
