using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace StandIns.Tests;

/// <summary>
/// The public and protected members of an assembly, one line each: the type, then the member as the official listings write it,
/// without namespaces, bodies, attributes and modifiers other than 'static'.
/// </summary>
internal static class PublicSurface
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> s_keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(int)] = "int",
        [typeof(long)] = "long",
        [typeof(double)] = "double",
    };

    internal static IEnumerable<string> Of(Assembly assembly) =>
        assembly.GetTypes().Where(IsVisible).SelectMany(type => Members(type).Select(member => $"{TypeName(type)} | {member}")).Order(StringComparer.Ordinal);

    private static bool IsVisible(Type type) => type.IsNested ? (type.IsNestedPublic || type.IsNestedFamily || type.IsNestedFamORAssem) && IsVisible(type.DeclaringType!) : type.IsPublic;

    private static string TypeName(Type type) => type.IsNested ? $"{TypeName(type.DeclaringType!)}.{SimpleName(type)}" : $"{type.Namespace}.{SimpleName(type)}";

    private static IEnumerable<string> Members(Type type)
    {
        yield return type.IsInterface ? "interface" : type.IsEnum ? "enum" : type.IsValueType ? "struct" : "class";
        if (type.IsEnum)
        {
            foreach (var value in Enum.GetValues(type))
            {
                yield return $"{value} = {Convert.ToInt64(value, CultureInfo.InvariantCulture)}";
            }

            yield break;
        }

        foreach (var constructor in type.GetConstructors(Declared).Where(constructor => IsVisible(constructor) && !(type.IsValueType && constructor.GetParameters().Length == 0)))
        {
            yield return $"{SimpleName(type).Split('<')[0]}({Parameters(constructor)})";
        }

        foreach (var field in type.GetFields(Declared).Where(field => field.IsPublic || field.IsFamily))
        {
            yield return $"{Static(field.IsStatic)}{Name(new NullabilityInfoContext().Create(field))} {field.Name}";
        }

        foreach (var property in type.GetProperties(Declared))
        {
            var accessors = string.Join(" ", new[] { Accessor("get", property.GetMethod), Accessor(IsInit(property) ? "init" : "set", property.SetMethod) }.OfType<string>());
            if (accessors.Length > 0 && property.Name is not "EqualityContract")
            {
                var isStatic = (property.GetMethod ?? property.SetMethod)!.IsStatic;
                yield return $"{Static(isStatic)}{Name(new NullabilityInfoContext().Create(property))} {property.Name} {{ {accessors} }}";
            }
        }

        foreach (var method in type.GetMethods(Declared).Where(method => IsVisible(method) && (!method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal)) && !IsGenerated(method)))
        {
            // What overrides a member of System.Object adds nothing to the surface.
            if (method.GetBaseDefinition().DeclaringType == typeof(object) && method.GetBaseDefinition() != method)
            {
                continue;
            }

            var arguments = method.IsGenericMethodDefinition ? $"<{string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name))}>" : "";
            yield return $"{Static(method.IsStatic)}{Name(new NullabilityInfoContext().Create(method.ReturnParameter))} {method.Name}{arguments}({Parameters(method)}){Constraints(method)}";
        }
    }

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    // Records bring members along that nobody wrote.
    private static bool IsGenerated(MethodInfo method) => method.IsDefined(typeof(CompilerGeneratedAttribute)) || method.Name.Contains('<');

    private static bool IsInit(PropertyInfo property) =>
        property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ?? false;

    private static string? Accessor(string name, MethodInfo? accessor) => accessor is not null && IsVisible(accessor) ? name + ";" : null;

    private static string Static(bool isStatic) => isStatic ? "static " : "";

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select((parameter, index) => Parameter(parameter, index == 0 && method.IsDefined(typeof(ExtensionAttribute)))));

    private static string Parameter(ParameterInfo parameter, bool isThis)
    {
        var info = new NullabilityInfoContext().Create(parameter);
        var prefix = isThis ? "this " : parameter.IsOut ? "out " : parameter.IsIn ? "in " : parameter.IsDefined(typeof(ParamArrayAttribute)) ? "params " : "";
        // Of a type parameter the runtime does not know whether it was written with a question mark; where a method may fail, it was.
        var maybe = parameter.IsOut && parameter.ParameterType.GetElementType()!.IsGenericParameter ? "?" : "";
        return $"{prefix}{Name(info)}{maybe} {parameter.Name}{Default(parameter)}";
    }

    private static string Default(ParameterInfo parameter)
    {
        if (!parameter.HasDefaultValue)
        {
            return "";
        }

        var type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
        return parameter.DefaultValue switch
        {
            null => parameter.ParameterType.IsValueType && Nullable.GetUnderlyingType(parameter.ParameterType) is null ? " = default" : " = null",
            bool value => value ? " = true" : " = false",
            string value => $" = \"{value}\"",
            var value when type.IsEnum => $" = {Enum.GetName(type, value)}",
            var value => $" = {Convert.ToString(value, CultureInfo.InvariantCulture)}",
        };
    }

    private static string Constraints(MethodInfo method)
    {
        var constraints = method.IsGenericMethodDefinition ? method.GetGenericArguments().Select(argument =>
        {
            var attributes = argument.GenericParameterAttributes;
            IEnumerable<string> all =
            [
                .. attributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint) ? ["class"] : Array.Empty<string>(),
                .. argument.GetGenericParameterConstraints().Select(SimpleName),
                .. attributes.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint) ? ["new()"] : Array.Empty<string>(),
            ];
            return all.Any() ? $" where {argument.Name} : {string.Join(", ", all)}" : "";
        }) : [];
        return string.Concat(constraints);
    }

    private static string Name(NullabilityInfo info)
    {
        var type = info.Type.IsByRef ? info.Type.GetElementType()! : info.Type;
        if (Nullable.GetUnderlyingType(type) is { } value)
        {
            return SimpleName(value) + "?";
        }

        var name = type.IsArray ? (info.ElementType is { } element ? Name(element) : SimpleName(type.GetElementType()!)) + "[]"
            : type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", info.GenericTypeArguments.Select(Name))}>"
            : SimpleName(type);
        return !type.IsValueType && !type.IsGenericParameter && info.ReadState == NullabilityState.Nullable ? name + "?" : name;
    }

    private static string SimpleName(Type type) => s_keywords.TryGetValue(type, out var keyword) ? keyword
        : type.IsArray ? SimpleName(type.GetElementType()!) + "[]"
        : type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(SimpleName))}>"
        : type.Name;
}
