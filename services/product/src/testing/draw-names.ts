/** Words to make many different products of. The same each time. */
export function productTitle(at: number): string {
  const colours = ['Amber', 'Blue', 'Crimson', 'Dark', 'Emerald', 'Fawn', 'Golden', 'hazel', 'Ivory', 'Jade'];
  const things = ['bowl', 'candle', 'mug', 'napkin', 'plate', 'spoon', 'teapot', 'tray', 'vase'];
  return `${colours[at % 10]} ${things[at % 9]} ${at}`;
}
