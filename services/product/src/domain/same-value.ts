/** Whether two JSON values are the same, whatever the order of the fields in their objects: PostgreSQL keeps another one than was sent. */
export function sameValue(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => Object.hasOwn(other, name) && sameValue(fieldOf(one, name), fieldOf(other, name)));
}

function fieldOf(value: object, name: string): unknown {
  return (value as Record<string, unknown>)[name];
}
