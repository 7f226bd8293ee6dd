-- The steps of every program that has moved a saga: one that knows fewer would leave out what it does not know, forward and back. Null: none of them said.
alter table kit.saga add column steps text[];
