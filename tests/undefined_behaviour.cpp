// SPDX-License-Identifier: Apache-2.0
// Overflows a signed integer. In a build with UBSan this program must fail, and meson expects it
// to: otherwise the sanitizer would print what it finds and every test would pass all the same.
#include <climits>

int main(int count, char**) {
  volatile int most = INT_MAX;
  most = most + count;
  return 0;
}
