/* SPDX-License-Identifier: Apache-2.0 */
/* The least of io_uring (io_uring_setup(2), io_uring_enter(2)): one request at a time. */
#ifndef URING_H
#define URING_H

#include <linux/io_uring.h>
#include <stdbool.h>

struct uring {
	int fd;
	bool polled; /* a kernel thread submits */
	unsigned *sq_tail, *sq_mask, *sq_array, *sq_flags, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

void uring_open(struct uring *ring, bool polled);

/* Make `fd` entry 0 of the ring's table of files. */
void uring_register_file(struct uring *ring, int fd);

/* Do one request and wait for its result (-errno as in the completion). */
int uring_do(struct uring *ring, struct io_uring_sqe request);

#endif
