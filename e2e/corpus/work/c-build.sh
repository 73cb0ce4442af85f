#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A C program is compiled, linked, tested and installed by make.
# image: debian
set -euo pipefail

mkdir -p /volume/project/src && cd /volume/project
for number in $(seq "${AMOUNT:-3}"); do
  printf '#include <stdio.h>\nint part_%s(void) { return printf("part %s\\n"); }\n' $number $number > src/part_$number.c
done
printf 'int part_1(void), part_2(void), part_3(void);\nint main(void) { return part_1() + part_2() + part_3() != 21; }\n' > src/main.c
cat > Makefile <<'M'
OBJECTS := $(patsubst src/%.c,build/%.o,$(wildcard src/*.c))
program: $(OBJECTS)
	$(CC) -o $@ $^
build/%.o: src/%.c
	@mkdir -p build
	$(CC) -O2 -g -c -o $@ $<
check: program
	./program
install: program
	install -D program $(DESTDIR)/usr/local/bin/program
	strip $(DESTDIR)/usr/local/bin/program
clean:
	rm -rf build program
M
make -s -j2 CC=gcc
make -s check CC=gcc
make -s install CC=gcc
program | tail -n 1
make -s clean
