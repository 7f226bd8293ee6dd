-- A cart may be written around the erasure of its user as a contact may (0003): the erasure either sees it or is seen by it.
create trigger refuse_cart_of_erased_user before insert on cart
  for each row when (new.user_id is not null) execute function refuse_contact_of_erased_user();
delete from cart using erased_user where cart.user_id = erased_user.user_id;
