import { access, glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Links of Markdown pages that lead to no file, or to no heading of it. */
export async function run(root: string): Promise<string[]> {
  const problems: string[] = [];
  let linkCount = 0;
  const outside = (name: string) => name === 'node_modules' || name.startsWith('.stoa');
  for await (const page of glob('**/*.md', { cwd: root, exclude: outside })) {
    for (const { path, heading } of linksOf(await readFile(join(root, page), 'utf8'))) {
      linkCount++;
      const file = path === '' ? join(root, page) : join(root, dirname(page), path);
      const there = await access(file).then(
        () => true,
        () => false,
      );
      if (!there) problems.push(`${page} leads to ${path}, which does not exist`);
      else if (heading && !headingsOf(await readFile(file, 'utf8')).has(heading)) {
        problems.push(`${page} leads to ${path}#${heading}, and there is no such heading`);
      }
    }
  }
  return linkCount === 0 ? ['no page has a link: nothing was checked'] : problems.sort();
}

/** Relative links and pictures; what stands in code is none. */
function linksOf(page: string): { path: string; heading: string }[] {
  const prose = page.replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(([, path = '', heading = '']) => ({
    path,
    heading,
  }));
}

/** The anchors that GitHub gives to headings. */
function headingsOf(page: string): Set<string> {
  const headings = page.replace(/```[\s\S]*?```/g, '').matchAll(/^#+ +(.*)$/gm);
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
