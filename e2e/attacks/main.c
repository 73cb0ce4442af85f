// SPDX-License-Identifier: Apache-2.0
#include "attack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const tables[] = {
	connect_commands, connect_route_commands, connect_race_commands, listen_commands,
	write_commands,	  exec_commands,	  storm_commands,	 hostile_commands,
	loop_commands,	  unknown_commands,	  pod_commands,		 entry_commands,
	hog_commands,	  silent_commands,	  rename_race_commands,	 forged_exe_commands,
	compat_commands,
};

static int list(FILE *out)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct command *c = tables[i]; c->name; c++)
			fprintf(out, "%s %s\n", c->name, c->arguments);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	if (argc < 2 || !strcmp(argv[1], "list"))
		return list(argc < 2 ? stderr : stdout) + (argc < 2 ? EXIT_USAGE : 0);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct command *c = tables[i]; c->name; c++) {
			if (strcmp(argv[1], c->name))
				continue;
			if (argc - 2 < c->min_arguments) {
				fprintf(stderr, "usage: attack %s %s\n", c->name, c->arguments);
				return EXIT_USAGE;
			}
			return c->run(argc - 1, argv + 1);
		}
	fprintf(stderr, "attack: no such attack \"%s\"; `attack list` names them\n", argv[1]);
	return EXIT_USAGE;
}
