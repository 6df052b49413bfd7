import { defineBackfill } from '../../src/index.ts';

interface Article extends Record<string, unknown> {
  /** A bigint, which the driver gives as text. */
  readonly id: string;
  readonly title: string;
}

/** Gives the articles that have none a slug of their title. */
export default defineBackfill<Article>({
  type: 'article-slugs',
  version: '1.0.0',
  description: 'Gives every article without a slug one of its title.',
  table: 'articles',
  columns: ['id', 'title'],
  where: 'slug IS NULL',
  batch: async (rows, { client }) => {
    await client.query(
      `UPDATE articles SET slug = made.slug FROM unnest($1::bigint[], $2::text[]) AS made (id, slug)
        WHERE articles.id = made.id`,
      [rows.map(({ id }) => id), rows.map(({ title }) => slugOf(title))],
    );
  },
});

function slugOf(title: string): string {
  const words =
    title
      .normalize('NFKD')
      .toLowerCase()
      .match(/[a-z0-9]+/g) ?? [];
  return words.join('-');
}
