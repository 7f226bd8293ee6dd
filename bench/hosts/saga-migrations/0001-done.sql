create table done (
  saga integer not null,
  step text not null,
  primary key (saga, step)
);
