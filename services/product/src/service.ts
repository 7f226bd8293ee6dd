import { productContract } from '@stoa/contracts/product';
import { defineService } from '@stoa/platform/service';
import { archiveProduct } from './commands/archive-product.ts';
import { changeCategory } from './commands/change-category.ts';
import { changeProduct } from './commands/change-product.ts';
import { createCategory } from './commands/create-category.ts';
import { createProduct } from './commands/create-product.ts';
import { deleteCategory } from './commands/delete-category.ts';
import { importProducts } from './commands/import/import-products.ts';
import { exportProducts } from './queries/export-products.ts';
import { getPrices } from './queries/get-prices.ts';
import { getProduct } from './queries/get-product.ts';
import { listCategories } from './queries/list-categories.ts';

/** The catalogue: what is sold, at which price, under which category. */
export const product = defineService<never>({
  name: 'product',
  contract: productContract,
  migrations: new URL('../migrations/', import.meta.url),
  routes: {
    // What puts its statements together is a seventh of what a process costs to start: loaded where lists are asked for.
    listProducts: async (call, service) => (await import('./queries/list-products.ts')).listProducts(call, service),
    exportProducts,
    importProducts,
    getProduct,
    createProduct,
    changeProduct,
    archiveProduct,
    listCategories,
    createCategory,
    changeCategory,
    deleteCategory,
    getPrices,
  },
});
