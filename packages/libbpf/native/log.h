/* SPDX-License-Identifier: Apache-2.0 */
/* What libbpf says during one call, kept for the calling thread instead of printed. */
#ifndef LOG_H
#define LOG_H

/* Forget what was kept; the next calls of libbpf on this thread are recorded. */
void log_begin(void);
/* Append to what is kept, cut at the limit of 64 MB. */
void log_append(const char *text);

#endif
