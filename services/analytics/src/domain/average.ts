/** Minor units an order on average, rounded half up; zero when there are no orders. */
export function averageOf(amount: number, orders: number): number {
  return orders === 0 ? 0 : Math.floor((2 * amount + orders) / (2 * orders));
}
