// SPDX-License-Identifier: Apache-2.0
// What is written is XML whatever a failure says, and its numbers are those of its cases.
#include "reports/junit.hpp"

#include "tests/catch.hpp"

namespace orrery::reports {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("text is escaped, and what XML cannot hold is replaced") {
  CHECK(xml_escaped("a < b && c > d", false) == "a &lt; b &amp;&amp; c &gt; d");
  CHECK(xml_escaped("x]]>y", false) == "x]]&gt;y");
  CHECK(xml_escaped("say \"no\"\n\tnow", false) == "say \"no\"\n\tnow");
  CHECK(xml_escaped("say \"no\"\n\tnow", true) == "say &quot;no&quot;&#10;&#9;now");
  CHECK(xml_escaped(std::string_view("\0\x01\x1b[31m\x7f", 8), false) ==
        "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD[31m\x7f");
  CHECK(xml_escaped("\r", false) == "&#13;");
}

TEST_CASE("UTF-8 stays, and what is none is replaced byte by byte") {
  const std::string good = "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xBE";
  CHECK(xml_escaped(good, false) == good);
  const std::string replaced = "\xEF\xBF\xBD";
  CHECK(xml_escaped("\xC3", false) == replaced);                 // cut
  CHECK(xml_escaped("\xC0\x80", false) == replaced + replaced);  // longer than it need be
  CHECK(xml_escaped("\xED\xA0\x80", false) == replaced + replaced + replaced);  // a surrogate
  CHECK(xml_escaped("\xEF\xBF\xBF", false) == replaced + replaced + replaced);  // U+FFFF
  CHECK(xml_escaped("\xF4\x90\x80\x80", false).size() == 12);                   // beyond Unicode
}

TEST_CASE("the numbers of a suite are those of its cases") {
  JunitSuite suite;
  suite.name = "orrery.\"quoted\"";
  suite.seconds = 1.23456;
  suite.properties = {{"build.id", "a&b"}};
  suite.cases = {
      {"well", JunitOutcome::passed, "", "", ""},
      {"broken", JunitOutcome::failed, "it is <broken>", "orrery replay x 1\nmore ]]>",
       "out/x.orry"},
      {"unknown", JunitOutcome::skipped, "not judged", "", ""},
      {"harness", JunitOutcome::error, "a worker died", "run 7", ""},
      {"also", JunitOutcome::failed, "m", "t", ""},
  };
  const std::string xml = junit_xml(suite);
  CHECK_THAT(xml, ContainsSubstring("<testsuite name=\"orrery.&quot;quoted&quot;\" tests=\"5\" "
                                    "failures=\"2\" errors=\"1\" skipped=\"1\" time=\"1.235\">"));
  CHECK_THAT(xml, ContainsSubstring("name=\"well\" time=\"0.247\"/>"));
  CHECK_THAT(xml, ContainsSubstring("<failure message=\"it is &lt;broken&gt;\" type=\"broken\">"
                                    "orrery replay x 1\nmore ]]&gt;</failure>"));
  CHECK_THAT(xml, ContainsSubstring("<system-out>[[ATTACHMENT|out/x.orry]]</system-out>"));
  CHECK_THAT(xml, ContainsSubstring("<skipped message=\"not judged\"/>"));
  CHECK_THAT(xml, ContainsSubstring("<error message=\"a worker died\" type=\"harness\">run 7<"));
  CHECK_THAT(xml, ContainsSubstring("<property name=\"build.id\" value=\"a&amp;b\"/>"));
}

}  // namespace orrery::reports
