-- Whether the currency was chosen when the cart was made: one that came with the first item goes with the last. Carts from before keep theirs.
alter table cart add column currency_chosen boolean not null default true;
