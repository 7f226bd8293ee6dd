import { analyticsContract } from '@stoa/contracts/analytics';
import { gatewayContract } from '@stoa/contracts/gateway';
import { inventoryContract } from '@stoa/contracts/inventory';
import { notificationContract } from '@stoa/contracts/notification';
import { orderContract } from '@stoa/contracts/order';
import { paymentContract } from '@stoa/contracts/payment';
import { productContract } from '@stoa/contracts/product';
import { shippingContract } from '@stoa/contracts/shipping';
import { userContract } from '@stoa/contracts/user';
import type { Contract, Operation } from '@stoa/platform/schema';
import { opsContract } from '@stoa/platform/service';

/** One operation of one contract. */
export interface NamedOperation {
  /** `order.placeOrder` */
  readonly name: string;
  readonly operation: Operation;
}

const contracts: readonly Contract[] = [
  userContract,
  productContract,
  inventoryContract,
  orderContract,
  paymentContract,
  notificationContract,
  analyticsContract,
  shippingContract,
  gatewayContract,
];

/** Every operation that any contract declares, the internal ones and those of the kit included. */
export const everyOperation: readonly NamedOperation[] = [
  ...contracts.flatMap(operationsOf),
  ...contracts.filter(({ service }) => service !== 'gateway').flatMap(({ service }) => kitOperationsOf(service)),
];

/** Those that can be reached from outside. */
export const publicOperations = everyOperation.filter(({ operation }) => operation.access.who !== 'internal');

function operationsOf({ service, operations }: Contract): NamedOperation[] {
  return Object.entries(operations).map(([name, operation]) => ({ name: `${service}.${name}`, operation }));
}

function kitOperationsOf(service: string): NamedOperation[] {
  return operationsOf(opsContract(service)).map(({ name, operation }) => ({ name: `${name} (ops)`, operation }));
}
