// SPDX-License-Identifier: Apache-2.0
// A fuzz target with a defect that one input has and its neighbour has not: it believes the length
// in front of the bytes. tests/fuzz/sanitized_test.py shows that this does not go unnoticed.
#include "fuzz/targets/target.hpp"

namespace {

volatile uint8_t sum = 0;

}  // namespace

int LLVMFuzzerInitialize(int*, char***) { return 0; }

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const size_t length = size > 0 ? data[0] : 0;
  for (size_t i = 1; i <= length; ++i) sum = data[i];
  return 0;
}
