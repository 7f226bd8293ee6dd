import { analytics } from '@stoa/analytics';
import { gateway } from '@stoa/gateway';
import { inventory } from '@stoa/inventory';
import { notification } from '@stoa/notification';
import { order } from '@stoa/order';
import { payment } from '@stoa/payment';
import type { ServiceDefinition } from '@stoa/platform/service';
import { product } from '@stoa/product';
import { shipping } from '@stoa/shipping';
import { user } from '@stoa/user';

/** The shop: every service there is. */
export const services: readonly ServiceDefinition<never>[] = [
  gateway,
  user,
  product,
  order,
  payment,
  inventory,
  shipping,
  notification,
  analytics,
] as readonly unknown[] as readonly ServiceDefinition<never>[];
