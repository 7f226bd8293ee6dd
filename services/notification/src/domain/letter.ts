/** A mail before it has a form: what it says, to whom by name. Templates make it, `renderText` and `renderHtml` give it a form. */
export interface Letter {
  readonly subject: string;
  readonly greeting: string;
  readonly blocks: readonly Block[];
}

export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'table'; readonly rows: readonly (readonly [label: string, value: string])[] }
  | { readonly kind: 'link'; readonly label: string; readonly url: string };

export interface Shop {
  readonly name: string;
  /** Where customers find the shop, without a slash at the end. */
  readonly url: string;
}

export function text(words: string): Block {
  return { kind: 'text', text: words };
}

export function greetingTo(name: string): string {
  return name.trim() === '' ? 'Hello,' : `Hello ${name.trim()},`;
}

/** A letter as plain text. */
export function renderText(letter: Letter, shop: Shop): string {
  const blocks = letter.blocks.map((block) => {
    if (block.kind === 'text') return block.text;
    if (block.kind === 'link') return `${block.label}:\n${block.url}`;
    return block.rows.map(([label, value]) => `${label}: ${value}`).join('\n');
  });
  return `${[letter.greeting, ...blocks, shop.name].join('\n\n')}\n`;
}

/** A letter as HTML. Everything in it is escaped; it loads nothing from anywhere. */
export function renderHtml(letter: Letter, shop: Shop): string {
  const blocks = letter.blocks.map((block) => {
    if (block.kind === 'text') return `<p>${escapeHtml(block.text)}</p>`;
    if (block.kind === 'link') return `<p><a href="${escapeHtml(block.url)}">${escapeHtml(block.label)}</a></p>`;
    const rows = block.rows.map(
      ([label, value]) => `<tr><td>${escapeHtml(label)}</td><td align="right">${escapeHtml(value)}</td></tr>`,
    );
    return `<table cellpadding="4">\n${rows.join('\n')}\n</table>`;
  });
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(letter.subject)}</title></head>`,
    '<body style="font-family: sans-serif">',
    `<p>${escapeHtml(letter.greeting)}</p>`,
    ...blocks,
    `<p>${escapeHtml(shop.name)}</p>`,
    '</body></html>',
    '',
  ].join('\n');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(words: string): string {
  return words.replace(/[&<>"']/g, (character) => entities[character] as string);
}

/** A text fit for a mail's header: one line, whatever was in it. */
export function headerText(words: string): string {
  return words.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}
