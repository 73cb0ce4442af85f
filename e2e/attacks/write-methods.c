// SPDX-License-Identifier: Apache-2.0
/* Ways to change what an open file holds. */
#include "attack.h"
#include "uring.h"
#include "write.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void by_write(int fd, const char *text, size_t size)
{
	must(write(fd, text, size), "write");
}

static void by_pwrite(int fd, const char *text, size_t size)
{
	must(pwrite(fd, text, size, 0), "pwrite");
}

static void by_writev(int fd, const char *text, size_t size)
{
	struct iovec parts[2] = { { (void *)text, 1 }, { (void *)(text + 1), size - 1 } };

	must(writev(fd, parts, 2), "writev");
}

static void by_pwritev2(int fd, const char *text, size_t size)
{
	struct iovec part = { (void *)text, size };

	must(pwritev2(fd, &part, 1, 0, RWF_DSYNC), "pwritev2");
}

static void by_pwritev2_append(int fd, const char *text, size_t size)
{
	struct iovec part = { (void *)text, size };

	must(pwritev2(fd, &part, 1, -1, RWF_APPEND), "pwritev2");
}

static void by_direct(int fd, const char *text, size_t size)
{
	char *block = aligned_alloc(4096, 4096);

	memset(block, 0, 4096);
	memcpy(block, text, size);
	must(write(fd, block, 4096), "write with O_DIRECT");
}

static int temporary_with(const char *text, size_t size)
{
	FILE *file = tmpfile();

	if (!file)
		refused("temporary file");
	must(write(fileno(file), text, size), "write to a temporary file");
	lseek(fileno(file), 0, SEEK_SET);
	return fileno(file);
}

static int pipe_with(const char *text, size_t size)
{
	int ends[2];

	must(pipe(ends), "pipe");
	must(write(ends[1], text, size), "write to a pipe");
	return ends[0];
}

static void by_splice(int fd, const char *text, size_t size)
{
	must(splice(pipe_with(text, size), NULL, fd, NULL, size, 0), "splice");
}

static void by_vmsplice(int fd, const char *text, size_t size)
{
	struct iovec part = { (void *)text, size };
	int ends[2];

	must(pipe(ends), "pipe");
	must(vmsplice(ends[1], &part, 1, 0), "vmsplice");
	must(splice(ends[0], NULL, fd, NULL, size, 0), "splice");
}

static void by_sendfile(int fd, const char *text, size_t size)
{
	must(sendfile(fd, temporary_with(text, size), NULL, size), "sendfile");
}

/* The kernel copies within one file system only where it must not read and write itself. */
static void by_copy_file_range(int fd, const char *text, size_t size)
{
	char source[] = "/var/tmp/attack.XXXXXX";
	int from = mkstemp(source);

	must(from, "temporary file");
	unlink(source);
	must(write(from, text, size), "write to a temporary file");
	must(copy_file_range(from, &(off_t){ 0 }, fd, NULL, size, 0), "copy_file_range");
}

static void by_clone(int fd, const char *text, size_t size)
{
	if (ioctl(fd, FICLONE, temporary_with(text, size)))
		unsupported("cloning a file's blocks");
}

static void by_request(int fd, bool polled, struct io_uring_sqe request, const char *what)
{
	struct uring ring;
	int result;

	uring_open(&ring, polled);
	if (request.flags & IOSQE_FIXED_FILE)
		uring_register_file(&ring, fd);
	else
		request.fd = fd;
	result = uring_do(&ring, request);
	errno = -result;
	must(result < 0 ? -1 : 0, what);
}

static struct io_uring_sqe write_request(const char *text, size_t size, uint8_t flags)
{
	return (struct io_uring_sqe){ .opcode = IORING_OP_WRITE,
				      .flags = flags,
				      .addr = (uintptr_t)text,
				      .len = (unsigned)size };
}

static void by_uring(int fd, const char *text, size_t size)
{
	by_request(fd, false, write_request(text, size, 0), "io_uring write");
}

static void by_uring_fixed(int fd, const char *text, size_t size)
{
	by_request(fd, false, write_request(text, size, IOSQE_FIXED_FILE), "io_uring write");
}

static void by_uring_worker(int fd, const char *text, size_t size)
{
	by_request(fd, false, write_request(text, size, IOSQE_ASYNC), "io_uring write");
}

static void by_uring_polled(int fd, const char *text, size_t size)
{
	by_request(fd, true, write_request(text, size, IOSQE_FIXED_FILE), "io_uring write");
}

static void by_uring_splice(int fd, const char *text, size_t size)
{
	struct io_uring_sqe request = { .opcode = IORING_OP_SPLICE,
					.off = (uint64_t)-1,
					.len = (unsigned)size,
					.splice_fd_in = pipe_with(text, size),
					.splice_off_in = (uint64_t)-1 };

	by_request(fd, false, request, "io_uring splice");
}

static void by_aio(int fd, const char *text, size_t size)
{
	struct iocb request = { .aio_lio_opcode = IOCB_CMD_PWRITE,
				.aio_fildes = (uint32_t)fd,
				.aio_buf = (uintptr_t)text,
				.aio_nbytes = size };
	struct iocb *requests[] = { &request };
	aio_context_t context = 0;
	struct io_event event;

	must(syscall(SYS_io_setup, 1, &context), "io_setup");
	must(syscall(SYS_io_submit, context, 1, requests), "io_submit");
	must(syscall(SYS_io_getevents, context, 1, 1, &event, NULL), "io_getevents");
	errno = (int)-event.res;
	must(event.res < 0 ? -1 : 0, "asynchronous write");
}

/* write(2) of a 32-bit program; the text must lie below 4 GB */
static void by_compat(int fd, const char *text, size_t size)
{
#ifdef __x86_64__
	char *low = (char *)syscall(SYS_mmap, 0x10000000, 4096, 3, 0x32, -1, 0);
	long result;

	memcpy(low, text, size);
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(4), "b"(fd), "c"((uint32_t)(uintptr_t)low), "d"(size)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = -(int)result;
	must((int)result < 0 ? -1 : 0, "32-bit write");
#else
	errno = ENOSYS;
	unsupported("a 32-bit call");
#endif
}

/* Destroys instead of adding: zeroes in the middle of what is there. */
static void by_punch(int fd, const char *text, size_t size)
{
	(void)text, (void)size;
	must(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), "fallocate");
}

static void by_fallocate(int fd, const char *text, size_t size)
{
	(void)text, (void)size;
	must(fallocate(fd, 0, 0, 65536), "fallocate");
}

/* The same by an older way: a request of XFS that every file system takes. */
static void by_zero_range(int fd, const char *text, size_t size)
{
	struct {
		int16_t type, whence;
		int64_t start, length;
		int32_t system, process;
		uint32_t pad[4];
	} range = { .whence = SEEK_SET, .length = 4096 };

	(void)text, (void)size;
	must(ioctl(fd, _IOW('X', 57, range), &range), "FS_IOC_ZERO_RANGE");
}

static void by_truncate(int fd, const char *text, size_t size)
{
	(void)text, (void)size;
	must(ftruncate(fd, 1), "ftruncate");
}

static void by_mmap(int fd, const char *text, size_t size)
{
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		refused("mmap");
	memcpy(at, text, size);
	msync(at, 4096, MS_SYNC);
}

/* A hole in the file by way of a mapping of it. */
static void by_madvise(int fd, const char *text, size_t size)
{
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)text, (void)size;
	if (at == MAP_FAILED)
		refused("mmap");
	must(madvise(at, 4096, MADV_REMOVE), "madvise");
}

const struct method methods[] = {
	{ "write", by_write, 0 },
	{ "pwrite", by_pwrite, 0 },
	{ "append", by_write, O_APPEND },
	{ "writev", by_writev, 0 },
	{ "pwritev2", by_pwritev2, 0 },
	{ "pwritev2-append", by_pwritev2_append, 0 },
	{ "direct", by_direct, O_DIRECT },
	{ "sync", by_write, O_SYNC },
	{ "splice", by_splice, 0 },
	{ "vmsplice", by_vmsplice, 0 },
	{ "sendfile", by_sendfile, 0 },
	{ "copy-file-range", by_copy_file_range, 0 },
	{ "clone", by_clone, 0 },
	{ "uring", by_uring, 0 },
	{ "uring-fixed", by_uring_fixed, 0 },
	{ "uring-worker", by_uring_worker, 0 },
	{ "uring-polled", by_uring_polled, 0 },
	{ "uring-splice", by_uring_splice, 0 },
	{ "aio", by_aio, 0 },
	{ "compat", by_compat, 0 },
	{ "punch-hole", by_punch, 0 },
	{ "fallocate", by_fallocate, 0 },
	{ "zero-range", by_zero_range, 0 },
	{ "ftruncate", by_truncate, 0 },
	{ "madvise-remove", by_madvise, O_RDWR },
	{ "mmap", by_mmap, O_RDWR },
	{ NULL, NULL, 0 },
};
