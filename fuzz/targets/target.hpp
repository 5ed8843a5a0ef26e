// SPDX-License-Identifier: Apache-2.0
// What a fuzz target defines: libFuzzer's own names, with its C linkage.
//
// A target is one file in this folder, a row in fuzz/targets/meson.build, and a row in
// fuzz/catalogue.cpp. Bytes go in; a target that finds something wrong calls abort() and never
// returns. It may keep state that only makes it faster: the same bytes mean the same. Under a
// compiler without libFuzzer, replay_files.cpp is its main.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

/// Once, before the first input. Flags that begin with two dashes are the target's own.
int LLVMFuzzerInitialize(int* count, char*** words);

/// 0: fine. -1: fine, but not worth keeping.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

/// Changes the input in place. Returns its new size.
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned int seed);

/// Makes an input of two. Returns its size.
size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t one_size, const uint8_t* other,
                                 size_t other_size, uint8_t* out, size_t size_max,
                                 unsigned int seed);
}
