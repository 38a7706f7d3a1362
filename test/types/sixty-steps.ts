// Written by sixty-steps.generate.mjs: a saga as long as they get, to see that it is still checked fast.
import * as z from 'zod';
import { saga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';

const s1 = step({
  name: 's1',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id1: z.string() }),
});
const s2 = step({
  name: 's2',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id2: z.string() }),
});
const s3 = step({
  name: 's3',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id3: z.string() }),
});
const s4 = step({
  name: 's4',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id4: z.string() }),
});
const s5 = step({
  name: 's5',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id5: z.string() }),
});
const s6 = step({
  name: 's6',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id6: z.string() }),
});
const s7 = step({
  name: 's7',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id7: z.string() }),
});
const s8 = step({
  name: 's8',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id8: z.string() }),
});
const s9 = step({
  name: 's9',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id9: z.string() }),
});
const s10 = step({
  name: 's10',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id10: z.string() }),
});
const s11 = step({
  name: 's11',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id11: z.string() }),
});
const s12 = step({
  name: 's12',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id12: z.string() }),
});
const s13 = step({
  name: 's13',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id13: z.string() }),
});
const s14 = step({
  name: 's14',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id14: z.string() }),
});
const s15 = step({
  name: 's15',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id15: z.string() }),
});
const s16 = step({
  name: 's16',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id16: z.string() }),
});
const s17 = step({
  name: 's17',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id17: z.string() }),
});
const s18 = step({
  name: 's18',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id18: z.string() }),
});
const s19 = step({
  name: 's19',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id19: z.string() }),
});
const s20 = step({
  name: 's20',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id20: z.string() }),
});
const s21 = step({
  name: 's21',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id21: z.string() }),
});
const s22 = step({
  name: 's22',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id22: z.string() }),
});
const s23 = step({
  name: 's23',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id23: z.string() }),
});
const s24 = step({
  name: 's24',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id24: z.string() }),
});
const s25 = step({
  name: 's25',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id25: z.string() }),
});
const s26 = step({
  name: 's26',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id26: z.string() }),
});
const s27 = step({
  name: 's27',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id27: z.string() }),
});
const s28 = step({
  name: 's28',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id28: z.string() }),
});
const s29 = step({
  name: 's29',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id29: z.string() }),
});
const s30 = step({
  name: 's30',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id30: z.string() }),
});
const s31 = step({
  name: 's31',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id31: z.string() }),
});
const s32 = step({
  name: 's32',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id32: z.string() }),
});
const s33 = step({
  name: 's33',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id33: z.string() }),
});
const s34 = step({
  name: 's34',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id34: z.string() }),
});
const s35 = step({
  name: 's35',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id35: z.string() }),
});
const s36 = step({
  name: 's36',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id36: z.string() }),
});
const s37 = step({
  name: 's37',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id37: z.string() }),
});
const s38 = step({
  name: 's38',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id38: z.string() }),
});
const s39 = step({
  name: 's39',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id39: z.string() }),
});
const s40 = step({
  name: 's40',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id40: z.string() }),
});
const s41 = step({
  name: 's41',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id41: z.string() }),
});
const s42 = step({
  name: 's42',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id42: z.string() }),
});
const s43 = step({
  name: 's43',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id43: z.string() }),
});
const s44 = step({
  name: 's44',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id44: z.string() }),
});
const s45 = step({
  name: 's45',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id45: z.string() }),
});
const s46 = step({
  name: 's46',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id46: z.string() }),
});
const s47 = step({
  name: 's47',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id47: z.string() }),
});
const s48 = step({
  name: 's48',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id48: z.string() }),
});
const s49 = step({
  name: 's49',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id49: z.string() }),
});
const s50 = step({
  name: 's50',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id50: z.string() }),
});
const s51 = step({
  name: 's51',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id51: z.string() }),
});
const s52 = step({
  name: 's52',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id52: z.string() }),
});
const s53 = step({
  name: 's53',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id53: z.string() }),
});
const s54 = step({
  name: 's54',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id54: z.string() }),
});
const s55 = step({
  name: 's55',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id55: z.string() }),
});
const s56 = step({
  name: 's56',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id56: z.string() }),
});
const s57 = step({
  name: 's57',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id57: z.string() }),
});
const s58 = step({
  name: 's58',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id58: z.string() }),
});
const s59 = step({
  name: 's59',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id59: z.string() }),
});
const s60 = step({
  name: 's60',
  service: 'service',
  input: z.object({ from: z.string(), at: z.number() }),
  result: z.object({ id60: z.string() }),
});

export const sixtySteps = saga({
  name: 'sixty',
  version: 1,
  input: z.object({ customer: z.string(), cents: z.number(), gift: z.boolean() }),
})
  .step(s1, ({ input }) => ({ from: input.customer, at: 1 }))
  .step(s2, ({ results }) => ({ from: results.s1.id1, at: 2 }))
  .parallel((all) =>
    all
      .step(s3, ({ results }) => ({ from: results.s1.id1, at: 3 }))
      .step(s4, ({ results }) => ({ from: results.s1.id1, at: 4 }))
      .step(s5, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s2.id2}`, at: input.cents })),
  )
  .step(s6, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s3.id3}`, at: input.cents }))
  .step(s7, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s4.id4}`, at: input.cents }), { when: ({ input }) => input.gift })
  .step(s8, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s5.id5}`, at: input.cents }))
  .step(s9, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s6.id6}`, at: input.cents }))
  .step(s10, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s7?.id7}`, at: input.cents }))
  .step(s11, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s8.id8}`, at: input.cents }))
  .step(s12, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s9.id9}`, at: input.cents }))
  .parallel((all) =>
    all
      .step(s13, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s10.id10}`, at: input.cents }))
      .step(s14, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s11.id11}`, at: input.cents }))
      .step(s15, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s12.id12}`, at: input.cents })),
  )
  .step(s16, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s13.id13}`, at: input.cents }))
  .step(s17, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s14.id14}`, at: input.cents }), {
    when: ({ input }) => input.gift,
  })
  .step(s18, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s15.id15}`, at: input.cents }))
  .step(s19, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s16.id16}`, at: input.cents }))
  .step(s20, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s17?.id17}`, at: input.cents }))
  .step(s21, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s18.id18}`, at: input.cents }))
  .step(s22, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s19.id19}`, at: input.cents }))
  .parallel((all) =>
    all
      .step(s23, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s20.id20}`, at: input.cents }))
      .step(s24, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s21.id21}`, at: input.cents }))
      .step(s25, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s22.id22}`, at: input.cents })),
  )
  .step(s26, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s23.id23}`, at: input.cents }))
  .step(s27, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s24.id24}`, at: input.cents }), {
    when: ({ input }) => input.gift,
  })
  .step(s28, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s25.id25}`, at: input.cents }))
  .step(s29, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s26.id26}`, at: input.cents }))
  .step(s30, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s27?.id27}`, at: input.cents }))
  .step(s31, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s28.id28}`, at: input.cents }))
  .step(s32, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s29.id29}`, at: input.cents }))
  .parallel((all) =>
    all
      .step(s33, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s30.id30}`, at: input.cents }))
      .step(s34, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s31.id31}`, at: input.cents }))
      .step(s35, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s32.id32}`, at: input.cents })),
  )
  .step(s36, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s33.id33}`, at: input.cents }))
  .step(s37, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s34.id34}`, at: input.cents }), {
    when: ({ input }) => input.gift,
  })
  .step(s38, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s35.id35}`, at: input.cents }))
  .step(s39, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s36.id36}`, at: input.cents }))
  .step(s40, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s37?.id37}`, at: input.cents }))
  .step(s41, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s38.id38}`, at: input.cents }))
  .step(s42, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s39.id39}`, at: input.cents }))
  .parallel((all) =>
    all
      .step(s43, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s40.id40}`, at: input.cents }))
      .step(s44, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s41.id41}`, at: input.cents }))
      .step(s45, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s42.id42}`, at: input.cents })),
  )
  .step(s46, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s43.id43}`, at: input.cents }))
  .step(s47, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s44.id44}`, at: input.cents }), {
    when: ({ input }) => input.gift,
  })
  .step(s48, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s45.id45}`, at: input.cents }))
  .step(s49, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s46.id46}`, at: input.cents }))
  .step(s50, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s47?.id47}`, at: input.cents }), { pivot: true })
  .step(s51, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s48.id48}`, at: input.cents }), { retriable: true })
  .step(s52, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s49.id49}`, at: input.cents }), { retriable: true })
  .parallel((all) =>
    all
      .step(s53, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s50.id50}`, at: input.cents }), { retriable: true })
      .step(s54, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s51.id51}`, at: input.cents }), { retriable: true })
      .step(s55, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s52.id52}`, at: input.cents }), { retriable: true }),
  )
  .step(s56, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s53.id53}`, at: input.cents }), { retriable: true })
  .step(s57, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s54.id54}`, at: input.cents }), {
    retriable: true,
    when: ({ input }) => input.gift,
  })
  .step(s58, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s55.id55}`, at: input.cents }), { retriable: true })
  .step(s59, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s56.id56}`, at: input.cents }), { retriable: true })
  .step(s60, ({ input, results }) => ({ from: `${results.s1.id1}/${results.s57?.id57}`, at: input.cents }), { retriable: true })
  .returns(({ results }) => ({ first: results.s1.id1, last: results.s60.id60, maybe: results.s57?.id57 }));
