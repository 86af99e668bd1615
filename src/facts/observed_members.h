// SPDX-License-Identifier: Apache-2.0
#pragma once

// The members of Observed<T> that are compiled once for each T: by the source with the codec of T, which says
// `template struct Observed<T>`, where the header of T says `extern template struct Observed<T>`.

#include <utility>

#include "facts/observed.h"

namespace runup {

template <class T>
Observed<T>::Observed() = default;
template <class T>
Observed<T>::Observed(const Observed& other) = default;
template <class T>
Observed<T>::Observed(Observed&& other) noexcept = default;
template <class T>
Observed<T>& Observed<T>::operator=(const Observed& other) = default;
template <class T>
Observed<T>& Observed<T>::operator=(Observed&& other) noexcept = default;
template <class T>
Observed<T>::~Observed() = default;

template <class T>
Observed<T> Observed<T>::seen(T facts, Duration took) {
  Observed one;
  one.value = std::move(facts);
  one.absence.reset();
  one.took = took;
  return one;
}

template <class T>
Observed<T> Observed<T>::none(const Absence& why, Duration took) {
  Observed one;
  one.absence = why;
  one.took = took;
  return one;
}

}  // namespace runup
