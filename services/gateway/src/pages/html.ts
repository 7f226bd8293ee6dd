const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that is to stand in HTML, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character] as string);
}

/** The pages' one style: readable in light and dark, without anything from elsewhere. */
export const style = `
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--accent:light-dark(#0a58ca,#8ab4f8)}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem 1rem 4rem}
h1{line-height:1.2}h2{border-bottom:1px solid var(--line);margin-top:2.5rem;text-transform:capitalize}
a{color:var(--accent)}code,pre{font:14px/1.45 ui-monospace,monospace}
code{background:var(--soft);border-radius:3px;padding:.1em .3em;overflow-wrap:anywhere}
nav ul{columns:3 10rem;list-style:none;padding:0}
details{border:1px solid var(--line);border-radius:6px;margin:.4rem 0;padding:.4rem .7rem}
details:target{border-color:var(--accent)}summary{cursor:pointer}summary code{background:none}
summary .about{color:light-dark(#555,#aaa);display:block;padding-left:4.6rem}
.method{display:inline-block;font:700 13px/1.6 ui-monospace,monospace;width:4.5rem}
.who{font-size:13px;border:1px solid var(--line);border-radius:9px;padding:0 .5em;margin-left:.5em}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top}
pre{background:var(--soft);border-radius:6px;overflow:auto;padding:.6rem}tr:target{background:var(--soft)}
:focus-visible{outline:2px solid var(--accent)}
`;

/** A whole page of ours. `body` is HTML, `title` is text. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}
