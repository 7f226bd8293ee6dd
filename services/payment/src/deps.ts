import type { Operation } from '@stoa/platform/schema';
import type { Handler, Service, ServiceStart } from '@stoa/platform/service';
import { type PaymentConfig, readConfig } from './config.ts';
import { createSandbox, type Sandbox } from './provider/sandbox/sandbox.ts';

export interface PaymentDeps {
  readonly config: PaymentConfig;
  readonly provider: Sandbox;
}

export type PaymentService = Service<PaymentDeps>;
export type PaymentHandler<O extends Operation> = Handler<O, PaymentDeps>;

export function prepare({ environment, db }: ServiceStart): PaymentDeps {
  return { config: readConfig(environment), provider: createSandbox(db) };
}
