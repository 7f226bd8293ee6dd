-- What somebody wrote (why an order was cancelled, why money was given back) may name people; figures do not need it.
update heard set payload = payload - 'detail' - 'reason' where payload ?| array['detail', 'reason'];
