/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_H
#define NET_H

#include <netinet/in.h>
#include <sys/socket.h>

/* newer than some C libraries' headers */
#ifndef AF_SMC
#define AF_SMC 43
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IPPROTO_SMC
#define IPPROTO_SMC 256
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#ifndef TCP_REPAIR
#define TCP_REPAIR 19
#endif

struct target {
	struct sockaddr_storage address;
	socklen_t size;
	const char *text; /* the payload: what the listener reports */
};

/* ADDRESS PORT [TEXT], as all connect commands take them; ADDRESS may end in %INTERFACE. */
struct target parse_target(int argc, char **argv);
struct target parse_address(const char *address, const char *port);

static inline struct sockaddr *sockaddr_of(struct target *target)
{
	return (struct sockaddr *)&target->address;
}

int new_socket(const struct target *target, int flags, int protocol);

/* Send the text over a connected socket and wait until the other side closes. */
int deliver(int fd, const struct target *target);

/* Wait until the other side closes, when the text is on its way already. */
int delivered(int fd);

#endif
