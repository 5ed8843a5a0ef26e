// SPDX-License-Identifier: Apache-2.0
// Lock discipline that clang checks (-Wthread-safety). GCC knows nothing of it.
#pragma once

#if defined(__clang__)
#define ORRERY_CAPABILITY(name) __attribute__((capability(name)))
#define ORRERY_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define ORRERY_GUARDED_BY(mutex) __attribute__((guarded_by(mutex)))
#define ORRERY_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define ORRERY_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define ORRERY_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define ORRERY_NO_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define ORRERY_CAPABILITY(name)
#define ORRERY_SCOPED_CAPABILITY
#define ORRERY_GUARDED_BY(mutex)
#define ORRERY_ACQUIRE(...)
#define ORRERY_RELEASE(...)
#define ORRERY_REQUIRES(...)
#define ORRERY_NO_ANALYSIS
#endif
