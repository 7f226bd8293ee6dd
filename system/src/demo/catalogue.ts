/** A variant of a demo product: its price in cents of EUR, and how many are in stock at first. */
export interface DemoVariant {
  readonly sku: string;
  /** Empty for a product that comes in one form only. */
  readonly title: string;
  readonly price: { readonly amount: number; readonly currency: 'EUR' };
  readonly attributes: Readonly<Record<string, string>>;
  readonly stock: number;
}

export interface DemoProduct {
  readonly title: string;
  readonly description: string;
  /** Slug of one of `demoCategories`. */
  readonly category: string;
  readonly tags: readonly string[];
  readonly variants: readonly DemoVariant[];
}

/** The categories of the demo shop, in the order in which they are shown. */
export const demoCategories: readonly { readonly slug: string; readonly title: string }[] = [
  { slug: 'kitchen', title: 'Kitchen & table' },
  { slug: 'linen', title: 'Bed & bath' },
  { slug: 'wardrobe', title: 'Wardrobe' },
  { slug: 'desk', title: 'Desk & paper' },
  { slug: 'pantry', title: 'Pantry' },
  { slug: 'garden', title: 'Garden & balcony' },
];

type Form = readonly [
  sku: string,
  title: string,
  cents: number,
  stock: number,
  attributes?: Readonly<Record<string, string>>,
];

function product(
  title: string,
  tags: string,
  description: string,
  ...forms: readonly Form[]
): Omit<DemoProduct, 'category'> {
  const variants = forms.map(([sku, form, cents, stock, attributes = {}]) => ({
    sku,
    title: form,
    price: { amount: cents, currency: 'EUR' as const },
    attributes,
    stock,
  }));
  return { title, description, tags: tags.split(' '), variants };
}

/** The same thing in several sizes or colours. */
function forms(sku: string, attribute: string, cents: number, stocks: Readonly<Record<string, number>>): Form[] {
  return Object.entries(stocks).map(([value, stock]) => {
    const suffix = value.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '-');
    return [`${sku}-${suffix}`, value, cents, stock, { [attribute]: value }];
  });
}

const kitchen = [
  product(
    'Stoneware mug',
    'ceramic handmade coffee',
    'Thrown by hand in Alentejo from dark clay, with a glaze that pools at the foot. Holds 320 ml. Goes into the dishwasher without complaint.',
    ...forms('MUG', 'colour', 1450, { Chalk: 120, Slate: 96, Ochre: 64 }),
  ),
  product(
    'Teapot with rattan handle',
    'ceramic tea',
    'A round belly for loose leaves, a fine steel strainer, and a handle of woven rattan that stays cool. One litre.',
    ['TEAPOT-1L', '', 5900, 38],
  ),
  product(
    'Serving bowl',
    'ceramic handmade',
    'Wide and shallow, for salad in the middle of the table. No two are alike in the way the rim takes the glaze.',
    ['BOWL-24', '24 cm', 3800, 44, { size: '24 cm' }],
    ['BOWL-30', '30 cm', 5200, 31, { size: '30 cm' }],
  ),
  product(
    'Dinner plate, set of four',
    'ceramic sets',
    'Plain, heavy and slightly uneven, as plates were before machines. 26 cm across.',
    ...forms('PLATE4', 'colour', 7600, { Chalk: 40, Slate: 35 }),
  ),
  product(
    'Olive wood board',
    'wood handmade',
    'Cut from one piece of old olive tree and oiled three times. Every board has its own grain.',
    ['BOARD-S', 'Small', 2900, 70, { size: 'Small' }],
    ['BOARD-L', 'Large', 4600, 52, { size: 'Large' }],
  ),
  product(
    'Carbon steel pan',
    'steel',
    'Light enough to toss, tough enough to inherit. Seasoned with linseed oil, ready for the first omelette.',
    ['PAN-24', '24 cm', 5400, 60, { size: '24 cm' }],
    ['PAN-28', '28 cm', 6400, 55, { size: '28 cm' }],
  ),
  product(
    'Chef’s knife',
    'steel knives',
    'A 20 cm blade of Solingen steel with a handle of smoked oak. Sharpened by hand before it leaves.',
    ['KNIFE-20', '', 11900, 25],
  ),
  product(
    'Paring knife',
    'steel knives',
    'The small one that does most of the work. 9 cm blade, handle of smoked oak.',
    ['KNIFE-9', '', 4900, 48],
  ),
  product(
    'Linen apron',
    'linen',
    'Heavy washed linen that crosses at the back, so that nothing pulls at the neck. Two deep pockets.',
    ...forms('APRON', 'colour', 5600, { Sand: 45, Moss: 40, Ink: 38 }),
  ),
  product(
    'Tea towels, set of three',
    'linen sets',
    'Half linen, half cotton: dries glasses without a thread left behind.',
    ['TOWEL-TEA-3', '', 2400, 150],
  ),
  product(
    'Moka pot',
    'coffee steel',
    'Three cups from the stove, with a gasket that you can buy again. Stainless, so that induction works too.',
    ['MOKA-3', '', 3900, 66],
  ),
  product(
    'Hand-blown carafe',
    'glass handmade',
    'Blown in one breath in a small furnace in Bohemia. Holds a bottle of wine, or flowers.',
    ['CARAFE-1', '', 4400, 33],
  ),
];

const linen = [
  product(
    'Washed linen duvet cover',
    'linen bedding',
    'European flax, woven in Portugal and washed with stones until it falls softly. Cool in summer, warm in winter.',
    ['DUVET-140-WHITE', '140 × 200, White', 14900, 30, { size: '140 × 200', colour: 'White' }],
    ['DUVET-140-CLAY', '140 × 200, Clay', 14900, 22, { size: '140 × 200', colour: 'Clay' }],
    ['DUVET-200-WHITE', '200 × 200, White', 18900, 26, { size: '200 × 200', colour: 'White' }],
    ['DUVET-200-CLAY', '200 × 200, Clay', 18900, 18, { size: '200 × 200', colour: 'Clay' }],
  ),
  product(
    'Linen pillowcase',
    'linen bedding',
    'To go with the duvet covers, or with whatever you have. 80 × 80 cm, hotel closing.',
    ...forms('PILLOW', 'colour', 3400, { White: 90, Clay: 75, Fog: 60 }),
  ),
  product(
    'Percale fitted sheet',
    'cotton bedding',
    'Crisp organic cotton with a deep corner for thick mattresses.',
    ['SHEET-90', '90 × 200', 4900, 50, { size: '90 × 200' }],
    ['SHEET-160', '160 × 200', 6900, 42, { size: '160 × 200' }],
  ),
  product(
    'Waffle bath towel',
    'cotton bath',
    'Thirsty, light, and dry again by evening. 70 × 140 cm.',
    ...forms('BATH', 'colour', 3200, { White: 110, Sage: 80, Terracotta: 64 }),
  ),
  product(
    'Hand towel',
    'cotton bath',
    'The small sister of the bath towel. 50 × 80 cm.',
    ...forms('HAND', 'colour', 1600, { White: 140, Sage: 95, Terracotta: 70 }),
  ),
  product(
    'Merino throw',
    'wool',
    'Spun and woven in the Borders from the wool of sheep that live there. Fringed by hand.',
    ...forms('THROW', 'colour', 12900, { Oat: 28, Heather: 24 }),
  ),
  product(
    'Kimono bathrobe',
    'cotton bath',
    'Double gauze that gets softer with every wash. Long enough to answer the door in.',
    ...forms('ROBE', 'size', 8900, { S: 20, M: 30, L: 26 }),
  ),
  product(
    'Olive oil soap',
    'bath vegan',
    'Boiled for four days in a copper kettle, cured for nine months. Smells of very little, which is the point.',
    ['SOAP-OLIVE', '', 790, 300],
  ),
  product(
    'Lavender sachets, set of three',
    'bath sets',
    'Dried heads from the Drôme in bags of leftover linen. For drawers, pillows and moths.',
    ['LAV-3', '', 1450, 160],
  ),
  product('Cork bath mat', 'bath', 'Warm underfoot and never mouldy. Rolls up for travelling, should you wish.', [
    'CORK-MAT',
    '',
    4200,
    36,
  ]),
  product(
    'Beeswax candle',
    'candles',
    'Pure wax from one valley, a cotton wick, forty hours of light that smells of honey.',
    ['CANDLE-BW', '', 1900, 180],
  ),
  product(
    'Brass candle holder',
    'candles brass',
    'Turned from solid brass, heavy enough not to fall. Darkens with the years unless you polish it.',
    ['HOLDER-BR', '', 3600, 58],
  ),
];

const wardrobe = [
  product(
    'Linen shirt',
    'linen',
    'Cut generously, sewn with buttons of corozo nut. Iron it or do not.',
    ...forms('SHIRT-SAND', 'size', 8900, { S: 24, M: 36, L: 34, XL: 18 }),
  ),
  product(
    'Heavy cotton T-shirt',
    'cotton',
    'A jersey of 220 grams that keeps its shape, knitted on old round looms in Swabia.',
    ...forms('TEE-WHITE', 'size', 3900, { S: 60, M: 90, L: 85, XL: 50 }),
  ),
  product(
    'Fisherman’s jumper',
    'wool',
    'Five-gauge wool with the lanolin left in, as worn against rain for two hundred years.',
    ...forms('JUMPER-NAVY', 'size', 14900, { S: 14, M: 22, L: 24, XL: 12 }),
  ),
  product(
    'Corduroy work jacket',
    'cotton',
    'Wide cord, three patch pockets, and a lining that you will see only if you look.',
    ...forms('JACKET-RUST', 'size', 16900, { S: 10, M: 18, L: 16 }),
  ),
  product(
    'Merino socks, two pairs',
    'wool sets',
    'Reinforced where socks give up first. They do not itch.',
    ...forms('SOCKS', 'size', 2600, { '36–40': 120, '41–45': 130 }),
  ),
  product(
    'Silk scarf',
    'silk',
    'Printed by hand with a tile pattern from Lisbon, hems rolled and stitched. 70 × 70 cm.',
    ...forms('SCARF', 'colour', 7900, { Azure: 22, Saffron: 20 }),
  ),
  product(
    'Lambswool beanie',
    'wool',
    'Ribbed, deep enough to fold, and made in one piece so that no seam presses.',
    ...forms('BEANIE', 'colour', 3400, { Charcoal: 70, Mustard: 55, Forest: 48 }),
  ),
  product(
    'Leather belt',
    'leather',
    'Vegetable-tanned in Tuscany, with a buckle of solid brass. Better every year.',
    ...forms('BELT', 'size', 6900, { '85 cm': 25, '95 cm': 30, '105 cm': 22 }),
  ),
  product(
    'Canvas tote',
    'cotton bags',
    'Carries twelve kilos of market, folds into nothing. An inner pocket for keys.',
    ...forms('TOTE', 'colour', 2900, { Natural: 150, Black: 120 }),
  ),
  product('Weekend bag', 'leather bags', 'Waxed canvas and bridle leather, the size that airlines still allow.', [
    'WEEKENDER',
    '',
    24900,
    15,
  ]),
  product(
    'Espadrilles',
    'cotton shoes',
    'Soles of jute stitched by hand in La Rioja. For short distances and long summers.',
    ...forms('ESPA', 'size', 4500, { '37': 16, '39': 20, '41': 22, '43': 18 }),
  ),
];

const desk = [
  product(
    'Dotted notebook',
    'paper',
    'A5, 192 pages that take ink without showing it on the other side. Opens flat.',
    ...forms('NOTE-A5', 'colour', 1900, { Graphite: 200, Brick: 160, Pine: 150 }),
  ),
  product(
    'Pocket notebooks, set of three',
    'paper sets',
    'Stitched, not stapled. They survive a back pocket for about a month.',
    ['NOTE-POCKET-3', '', 1200, 220],
  ),
  product(
    'Fountain pen',
    'pens',
    'A steel nib that forgives, a body of turned aluminium, a converter in the box.',
    ['PEN-F', 'Fine', 5900, 40, { nib: 'Fine' }],
    ['PEN-M', 'Medium', 5900, 45, { nib: 'Medium' }],
  ),
  product(
    'Bottled ink',
    'pens',
    '50 ml of pigment that does not fade, in a bottle too good to throw away.',
    ...forms('INK', 'colour', 1650, { 'Blue black': 90, Sepia: 70, 'Bottle green': 62 }),
  ),
  product(
    'Cedar pencils, dozen',
    'pens',
    'Twelve pencils of Californian cedar, hard enough for drawing, soft enough for lists.',
    ['PENCIL-12', '', 1800, 130],
  ),
  product('Brass ruler', 'brass', '15 cm, etched rather than printed. It will outlive the desk.', [
    'RULER-15',
    '',
    2400,
    75,
  ]),
  product(
    'Desk lamp',
    'lamps steel',
    'A joint that stays where it is put, a warm bulb that can be changed.',
    ...forms('LAMP', 'colour', 13900, { Black: 20, Cream: 18 }),
  ),
  product('Walnut tray', 'wood', 'For keys, coins, and whatever else comes out of pockets.', [
    'TRAY-WALNUT',
    '',
    4800,
    50,
  ]),
  product(
    'Letter set',
    'paper sets',
    'Twenty sheets and twenty lined envelopes of laid cotton paper. Write to somebody.',
    ['LETTER-20', '', 2800, 85],
  ),
  product('Wall calendar', 'paper', 'Twelve linocuts by twelve illustrators, printed in three colours.', [
    'CALENDAR',
    '',
    2600,
    110,
  ]),
  product(
    'Felt desk mat',
    'wool',
    'Four millimetres of German wool felt under keyboard, cup and elbows.',
    ...forms('MAT', 'colour', 5200, { Grey: 48, Anthracite: 44 }),
  ),
];

const pantry = [
  product(
    'Early harvest olive oil',
    'oil vegan',
    'Picked green in October, pressed the same night. Peppery at the end.',
    ['OIL-500', '500 ml', 1890, 140, { size: '500 ml' }],
    ['OIL-3000', '3 l', 8900, 30, { size: '3 l' }],
  ),
  product(
    'Balsamic vinegar, twelve years',
    'vinegar vegan',
    'Twelve years in a row of ever smaller barrels, by a family in Modena.',
    ['BALSAMIC-12', '', 4900, 34],
  ),
  product(
    'Wildflower honey',
    'sweet',
    'Unheated, from hives that stand above the treeline. It sets in winter, as it should.',
    ['HONEY-500', '', 1290, 170],
  ),
  product('Bitter orange marmalade', 'sweet vegan', 'Seville oranges, cane sugar, and three days of patience.', [
    'MARMALADE',
    '',
    790,
    200,
  ]),
  product(
    'Espresso beans',
    'coffee vegan',
    'Two thirds Brazil, one third Ethiopia, roasted slowly on Tuesdays.',
    ['BEANS-250', '250 g', 990, 190, { size: '250 g' }],
    ['BEANS-1000', '1 kg', 3400, 85, { size: '1 kg' }],
  ),
  product(
    'Darjeeling, first flush',
    'tea vegan',
    'Leaves of the first two weeks of spring, light as the air up there. 100 g in a tin.',
    ['TEA-DARJ', '', 2200, 95],
  ),
  product('Mountain herb tea', 'tea vegan', 'Lemon verbena, thyme, mallow and cornflower, dried in the loft. 60 g.', [
    'TEA-HERB',
    '',
    980,
    145,
  ]),
  product('Dark chocolate, 75 %', 'sweet vegan', 'Beans from one village in Ecuador, sugar, nothing else.', [
    'CHOC-75',
    '',
    650,
    320,
  ]),
  product('Sea salt flakes', 'spices vegan', 'Raked by hand from the pans of Guérande. Crunches.', [
    'SALT-250',
    '',
    720,
    260,
  ]),
  product('Smoked paprika', 'spices vegan', 'Dried over oak for two weeks in La Vera, ground between stones.', [
    'PAPRIKA',
    '',
    560,
    240,
  ]),
  product(
    'Bronze-cut spaghetti',
    'pasta vegan',
    'Dried for two days at a low temperature, rough enough to hold on to the sauce. 500 g.',
    ['SPAGHETTI', '', 390, 400],
  ),
  product(
    'San Marzano tomatoes',
    'vegan',
    'Peeled whole, in their own juice, in a glass so that you can see them. 540 g.',
    ['TOMATO-SM', '', 480, 350],
  ),
];

const garden = [
  product(
    'Copper watering can',
    'copper',
    'Five litres, a rose that rains rather than pours, a patina that comes by itself.',
    ['CAN-5', '', 9800, 24],
  ),
  product('Hand trowel', 'steel ash', 'Forged from one piece, with a handle of ash and a loop to hang it up.', [
    'TROWEL',
    '',
    2900,
    80,
  ]),
  product('Secateurs', 'steel', 'Every part can be bought again: blade, spring and all. Cuts to 25 mm.', [
    'SECATEURS',
    '',
    5400,
    46,
  ]),
  product(
    'Terracotta pot',
    'ceramic',
    'Fired in Impruneta hot enough to stay out in frost.',
    ['POT-18', '18 cm', 2200, 75, { size: '18 cm' }],
    ['POT-26', '26 cm', 3800, 48, { size: '26 cm' }],
    ['POT-36', '36 cm', 6900, 22, { size: '36 cm' }],
  ),
  product('Seed box, herbs', 'seeds', 'Twelve open-pollinated herbs in paper bags, with a card that says when.', [
    'SEEDS-HERB',
    '',
    2400,
    120,
  ]),
  product(
    'Seed box, wildflowers',
    'seeds',
    'Thirty kinds of meadow flowers for two square metres and a thousand bees.',
    ['SEEDS-WILD', '', 1900, 135],
  ),
  product('Garden twine', 'jute', 'One hundred and fifty metres of green jute in a tin with a hole in the lid.', [
    'TWINE-150',
    '',
    1350,
    140,
  ]),
  product(
    'Leather garden gloves',
    'leather',
    'Soft goatskin with a long cuff. Roses lose.',
    ...forms('GLOVES', 'size', 3200, { S: 40, M: 55, L: 45 }),
  ),
  product('Oak bird house', 'wood oak', 'The hole is 32 mm, which is what tits want. Opens at the side for cleaning.', [
    'BIRDHOUSE',
    '',
    3900,
    50,
  ]),
  product(
    'Storm lantern',
    'lamps steel',
    'Burns twenty hours on a filling and does not mind the wind.',
    ...forms('LANTERN', 'colour', 4600, { Zinc: 36, Olive: 30 }),
  ),
  product(
    'Folding bistro chair',
    'steel chairs',
    'The one from Parisian parks, since 1889. Slats of beech, a frame that folds flat.',
    ...forms('BISTRO', 'colour', 8900, { Moss: 26, Ink: 24, Poppy: 14 }),
  ),
  product(
    'Picnic blanket',
    'wool',
    'Recycled wool on one side, waxed cotton on the other, a leather strap round it all.',
    ['PICNIC', '', 9900, 28],
  ),
];

function all(category: string, products: readonly Omit<DemoProduct, 'category'>[]): DemoProduct[] {
  return products.map((one) => ({ ...one, category }));
}

/** The products of the demo shop: fictional, like their makers. */
export const demoProducts: readonly DemoProduct[] = [
  ...all('kitchen', kitchen),
  ...all('linen', linen),
  ...all('wardrobe', wardrobe),
  ...all('desk', desk),
  ...all('pantry', pantry),
  ...all('garden', garden),
];
